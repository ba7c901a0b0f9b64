import type { Limits, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { Codec } from '../../codec/codec.js';
import { HEADER_BYTES } from '../../frames/frame.js';
import { writeError, writeResponse } from '../../frames/frame-writer.js';
import { encodeMetadata } from '../../frames/metadata.js';
import { writeEnd } from '../../frames/stream-frames.js';
import type { FrameChannel } from '../channel/frame-channel.js';
import { type Deflater, putFrame } from '../compression/deflater.js';
import type { IncomingCall } from './incoming-call.js';
import { noRoomForAnswer, SHORT_ERROR_BYTES } from './unsent-answers.js';

/**
 * Answers a call with its result.
 * @returns a promise when the result is large and is compressed first; it never rejects
 * @throws what says why the result, or its metadata, cannot be sent; nothing has been appended then
 */
export function answer(
  channel: FrameChannel,
  codec: Codec,
  limits: Limits,
  call: IncomingCall,
  value: unknown,
  deflater: Deflater | undefined,
): void | Promise<void> {
  const { output, writes, bodyBytesMax } = channel;
  const noRoom = noRoomForAnswer(channel.writes, limits);
  if (noRoom !== undefined) throw noRoom;
  const start = output.position;
  writeResponse(output, codec, call.id, value, metadataOf(call, limits));
  const bodyBytes = output.position - start - HEADER_BYTES;
  if (bodyBytes > bodyBytesMax) {
    output.rollBack(start);
    const reason = `the result has ${bodyBytes} bytes, the limit is ${bodyBytesMax} (limits.messageBytes)`;
    throw rpcError('RESOURCE_EXHAUSTED', reason);
  }
  const compressing = deflater?.compress(output, start);
  if (compressing === undefined) return writes.commit(start, call.id);
  return compressing.then((frame) => {
    if (!call.abandoned && channel.isOpen) writes.commit(putFrame(output, frame), call.id);
  });
}

/** Answers a call with an error; where there is no room for more, with a short one. */
export function answerError(
  { output, writes, bodyBytesMax }: FrameChannel,
  codec: Codec,
  limits: Limits,
  id: number,
  error: RpcError,
  handlerRan: boolean,
): void {
  const hasRoom = noRoomForAnswer(writes, limits) === undefined;
  const start = output.position;
  writeError(output, codec, id, error, handlerRan, hasRoom ? bodyBytesMax : SHORT_ERROR_BYTES);
  writes.commit(start, id);
}

/** Says that no more items of a call will come. @throws TypeError when its metadata cannot be sent */
export function answerEnd(channel: FrameChannel, limits: Limits, call: IncomingCall): void {
  const { output, writes } = channel;
  const start = output.position;
  writeEnd(output, call.id, metadataOf(call, limits));
  writes.commit(start, call.id);
}

function metadataOf({ responseMetadataIfAny }: IncomingCall, limits: Limits): Buffer | undefined {
  return responseMetadataIfAny === undefined ? undefined : encodeMetadata(responseMetadataIfAny, limits);
}
