import type { Call, RpcError } from '@org/rpc-core';
import { ATTACHED_BYTES_MIN } from '../../codec/attachments.js';
import type { Codec } from '../../codec/codec.js';
import { HEADER_BYTES, RequestFlag } from '../../frames/frame.js';
import { type FrameTarget, type RequestHead, writeRequest } from '../../frames/frame-writer.js';
import { callError } from '../calls/call-owner.js';
import type { FrameChannel } from '../channel/frame-channel.js';
import type { KnownMetadata } from '../channel/known-metadata.js';

const U32_MAX = 0xffff_ffff;

/**
 * Appends the REQUEST of an attempt, at a time `at`. The time that is left until its deadline is sent, at least 1 ms, because the
 * two sides share no clock.
 * @param known - the metadata of calls before
 * @param head - filled anew: one for each connection is enough
 * @throws TypeError or CodecError for metadata or arguments that cannot be sent; the position is then as before
 */
export function writeCall(
  target: FrameTarget,
  codec: Codec,
  known: KnownMetadata,
  call: Call,
  id: number,
  at: number,
  head: RequestHead,
): void {
  const { metadata, methodRef } = call;
  const remainingMs = call.attemptDeadline - at;
  head.metadata = metadata === undefined ? undefined : known.encode(metadata);
  head.id = id;
  head.flags =
    (call.oneWay ? RequestFlag.ONE_WAY : 0) |
    (call.idempotent ? RequestFlag.IDEMPOTENT : 0) |
    (call.mayRepeatBelow ? 0 : RequestFlag.NO_RETRY_BELOW) |
    (call.stream === undefined ? 0 : RequestFlag.STREAM) |
    (call.trail?.wantsTimes === true ? RequestFlag.TIMES : 0);
  head.remainingMs =
    remainingMs === Number.POSITIVE_INFINITY ? 0 : Math.min(Math.max(1, Math.ceil(remainingMs)), U32_MAX);
  head.attempt = Math.min(call.attempt, 255);
  head.priority = call.priority;
  head.wireName = methodRef.wireName;
  writeRequest(target, codec, head, call.args);
}

/**
 * Appends the REQUEST of an attempt, or says why it cannot be sent; nothing has been appended then.
 * @param isCompressed - whether it may be compressed yet
 */
export function appendCall(
  { output, bodyBytesMax }: FrameChannel,
  codec: Codec,
  known: KnownMetadata,
  call: Call,
  id: number,
  at: number,
  head: RequestHead,
  isCompressed: boolean,
): RpcError | undefined {
  const start = output.position;
  const { service, method } = call;
  output.attachments.fromBytes = isCompressed ? Number.POSITIVE_INFINITY : ATTACHED_BYTES_MIN;
  try {
    writeCall(output, codec, known, call, id, at, head);
  } catch (error) {
    output.rollBack(start);
    const reason = `${service}.${method} cannot be sent: ${(error as Error).message}`;
    return callError(call, 'INVALID_ARGUMENT', reason, 'unsent', error);
  }
  const bodyBytes = output.bytesSince(start) - HEADER_BYTES;
  if (bodyBytes <= bodyBytesMax) {
    if (output.attachments.bytes > 0 && mayOutlive(call)) output.attachments.own();
    return undefined;
  }
  output.rollBack(start);
  const reason = `the request has ${bodyBytes} bytes, the server takes ${bodyBytesMax} (limits.messageBytes)`;
  return callError(call, 'RESOURCE_EXHAUSTED', reason, 'unsent');
}

/** Whether its caller may be told of its end while it is still being sent: a one-way call, and one of several attempts. */
export function mayOutlive(call: Call): boolean {
  return call.oneWay || call.parent !== undefined;
}
