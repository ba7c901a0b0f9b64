import type { DecodeMessage } from '../codec/codec.js';
import type { Limits } from '../limits.js';
import { parseError, parseReplyHead } from '../protocol/frame-parser.js';
import type { Call } from '../service.js';

/** Settles a call with a RESPONSE, or with the END of its stream. @throws ProtocolError or CodecError when it is malformed */
export function readReply(
  call: Call,
  flags: number,
  bytes: Buffer,
  start: number,
  end: number,
  decode: DecodeMessage,
  limits: Limits,
): void {
  // Almost every reply has neither metadata nor load.
  if (flags === 0) return call.succeed(start === end ? undefined : decode(bytes, start, end));
  const { payloadStart, metadata } = parseReplyHead(flags, bytes, start, end, limits);
  const value = payloadStart === end ? undefined : decode(bytes, payloadStart, end);
  call.responseMetadata = metadata;
  call.succeed(value);
}

/** Settles a call with an ERROR. @throws ProtocolError or CodecError when it is malformed */
export function readErrorReply(
  call: Call,
  flags: number,
  bytes: Buffer,
  start: number,
  end: number,
  decode: DecodeMessage,
  limits: Limits,
): void {
  const { error, metadata } = parseError(flags, bytes, start, end, decode, limits);
  error.service = call.service;
  error.method = call.method;
  error.endpoint = call.destination?.address;
  call.responseMetadata = metadata;
  call.fail(error);
}
