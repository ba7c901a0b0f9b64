import type { Codec } from '../codec/codec.js';
import { rpcError } from '../error.js';
import type { Limits } from '../limits.js';
import { HEADER_BYTES } from '../protocol/frame.js';
import { writeResponse } from '../protocol/frame-writer.js';
import { encodeMetadata } from '../protocol/metadata.js';
import { writeEnd } from '../protocol/stream-frames.js';
import type { FrameChannel } from './frame-channel.js';
import type { IncomingCall } from './incoming-call.js';

/**
 * Answers a call with its result.
 * @throws what says why the result, or its metadata, cannot be sent; nothing has been appended then
 */
export function answer(channel: FrameChannel, codec: Codec, limits: Limits, call: IncomingCall, value: unknown): void {
  const { output, bodyBytesMax } = channel;
  const start = output.position;
  writeResponse(output, codec, call.id, value, metadataOf(call, limits));
  const bodyBytes = output.position - start - HEADER_BYTES;
  if (bodyBytes > bodyBytesMax) {
    output.rollBack(start);
    const reason = `the result has ${bodyBytes} bytes, the limit is ${bodyBytesMax} (limits.messageBytes)`;
    throw rpcError('RESOURCE_EXHAUSTED', reason);
  }
  channel.writes.commit(start, call.id);
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
