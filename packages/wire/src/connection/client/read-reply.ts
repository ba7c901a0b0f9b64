import type { Call, Limits } from '@org/rpc-core';
import { isRpcError } from '@org/rpc-core';
import { CodecError, type DecodeMessage } from '../../codec/codec.js';
import { FrameType, ProtocolError, ReplyFlag } from '../../frames/frame.js';
import { parseError, parseReplyHead } from '../../frames/frame-parser.js';
import { callError, unfitAnswer } from '../calls/call-owner.js';

/**
 * Settles a call with the frame that ends it.
 * @param hasItems - whether items of it have come
 * @throws ProtocolError when it is malformed; the call has failed then
 */
export function settleWithFrame(
  call: Call,
  type: number,
  flags: number,
  bytes: Buffer,
  start: number,
  end: number,
  decode: DecodeMessage,
  limits: Limits,
  hasItems = false,
): void {
  try {
    if (type === FrameType.ERROR) readErrorReply(call, flags, bytes, start, end, decode, limits, hasItems);
    else if (type === FrameType.END) readEnd(call, flags, bytes, start, end, limits);
    else readReply(call, flags, bytes, start, end, decode, limits);
  } catch (error) {
    // Beyond limits of this side, which the other one does not know: the connection is sound.
    if (isRpcError(error)) return call.fail(unfitAnswer(call, error.code, error.reason));
    if (error instanceof CodecError && !error.malformed)
      return call.fail(callError(call, 'INTERNAL', `the reply cannot be taken: ${error.message}`, 'processed', error));
    const reason = `the reply is malformed: ${(error as Error).message}`;
    call.fail(callError(call, 'INTERNAL', reason, 'processed', error));
    throw new ProtocolError(reason);
  }
}

/** Settles a call with the END of its stream. @throws ProtocolError when it is malformed */
export function readEnd(call: Call, flags: number, bytes: Buffer, start: number, end: number, limits: Limits): void {
  const { payloadStart, metadata } = parseReplyHead(flags & ReplyFlag.METADATA, bytes, start, end, limits);
  if (payloadStart !== end) throw new ProtocolError(`an END with ${end - payloadStart} bytes that mean nothing`);
  call.responseMetadata = metadata;
  // Only now: the reader of a stream whose END cannot be read must not take it for whole.
  call.stream?.received.end();
  call.succeed(undefined);
}

/** Settles a call with a RESPONSE. @throws ProtocolError or CodecError when it is malformed */
export function readReply(
  call: Call,
  flags: number,
  bytes: Buffer,
  start: number,
  end: number,
  decode: DecodeMessage,
  limits: Limits,
): void {
  if (call.stream !== undefined) throw new ProtocolError('a RESPONSE to a call that streams');
  // Almost every reply has neither metadata nor load.
  if (flags === 0) return call.succeed(start === end ? undefined : decode(bytes, start, end));
  const { payloadStart, metadata } = parseReplyHead(flags, bytes, start, end, limits);
  const value = payloadStart === end ? undefined : decode(bytes, payloadStart, end);
  call.responseMetadata = metadata;
  call.succeed(value);
}

/**
 * Settles a call with an ERROR. What has given an item has run, whatever the ERROR says: begun anew, its reader would get that
 * item twice.
 * @throws ProtocolError or CodecError when it is malformed
 */
export function readErrorReply(
  call: Call,
  flags: number,
  bytes: Buffer,
  start: number,
  end: number,
  decode: DecodeMessage,
  limits: Limits,
  hasItems = false,
): void {
  const { error, metadata } = parseError(flags, bytes, start, end, decode, limits);
  if (hasItems && error.progress === 'refused') error.progress = 'processed';
  error.service = call.service;
  error.method = call.method;
  error.endpoint = call.destination?.address;
  call.responseMetadata = metadata;
  call.fail(error);
}
