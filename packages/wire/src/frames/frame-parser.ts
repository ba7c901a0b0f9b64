import type { Limits, Metadata, RpcError } from '@org/rpc-core';
import { codeFromNumber, rpcError } from '@org/rpc-core/internal';
import type { DecodeMessage } from '../codec/codec.js';
import {
  ERROR_FIXED_BYTES,
  GO_AWAY_REASON_BYTES_MAX,
  GoAwayCode,
  NO_RETRY_AFTER,
  ProtocolError,
  REQUEST_FIXED_BYTES,
  ReplyFlag,
} from './frame.js';
import { LOAD_BYTES } from './load.js';
import { decodeMetadata } from './metadata.js';
import { readUint16, readUint32 } from './numbers.js';

/** The head of a REQUEST. One object is refilled for each request, so that the hot path allocates nothing. */
export interface ParsedRequest {
  remainingMs: number;
  attempt: number;
  priority: number;
  /** Service and method are together from here to `metadataStart`, split after `serviceLength`. */
  nameStart: number;
  serviceLength: number;
  metadataStart: number;
  payloadStart: number;
}

/** An empty {@link ParsedRequest} to be filled. */
export function createParsedRequest(): ParsedRequest {
  return { remainingMs: 0, attempt: 0, priority: 0, nameStart: 0, serviceLength: 0, metadataStart: 0, payloadStart: 0 };
}

/** Reads the head of a REQUEST whose body is `bytes[start, end)`. @throws ProtocolError when it is cut short */
export function parseRequest(parsed: ParsedRequest, bytes: Buffer, start: number, end: number): void {
  const nameStart = start + REQUEST_FIXED_BYTES + 2;
  if (nameStart > end) throw new ProtocolError('a REQUEST is cut short');
  const serviceLength = bytes[nameStart - 2]!;
  const nameEnd = nameStart + serviceLength + bytes[nameStart - 1]!;
  const payloadStart = nameEnd + readUint16(bytes, start + 6);
  if (payloadStart > end) throw new ProtocolError('a REQUEST is cut short');
  parsed.remainingMs = readUint32(bytes, start);
  parsed.attempt = bytes[start + 4]!;
  parsed.priority = bytes[start + 5]!;
  parsed.nameStart = nameStart;
  parsed.serviceLength = serviceLength;
  parsed.metadataStart = nameEnd;
  parsed.payloadStart = payloadStart;
}

/** Where the payload of a RESPONSE begins, and its metadata if it has any. @throws ProtocolError when it is cut short */
export function parseReplyHead(
  flags: number,
  bytes: Buffer,
  start: number,
  end: number,
  limits: Limits,
): { payloadStart: number; metadata: Metadata | undefined } {
  let position = start + ((flags & ReplyFlag.LOAD) !== 0 ? LOAD_BYTES : 0);
  if ((flags & ReplyFlag.METADATA) === 0) {
    if (position > end) throw new ProtocolError('a reply is cut short');
    return { payloadStart: position, metadata: undefined };
  }
  if (position + 2 > end) throw new ProtocolError('a reply is cut short');
  const metadataStart = position + 2;
  position = metadataStart + readUint16(bytes, position);
  if (position > end) throw new ProtocolError('a reply is cut short');
  return { payloadStart: position, metadata: decodeMetadata(bytes, metadataStart, position, limits) };
}

/** Reads an ERROR whose body is `bytes[start, end)`. @throws ProtocolError or CodecError when it is malformed */
export function parseError(
  flags: number,
  bytes: Buffer,
  start: number,
  end: number,
  decode: DecodeMessage,
  limits: Limits,
): { error: RpcError; metadata: Metadata | undefined } {
  const { payloadStart: fixed, metadata } = parseReplyHead(flags, bytes, start, end, limits);
  const reasonStart = fixed + ERROR_FIXED_BYTES;
  if (reasonStart > end) throw new ProtocolError('an ERROR is cut short');
  const retryAfter = readUint32(bytes, fixed + 2);
  const detailsStart = reasonStart + readUint16(bytes, fixed + 6);
  if (detailsStart > end) throw new ProtocolError('an ERROR is cut short');
  const error = rpcError(codeFromNumber(bytes[fixed]!), bytes.utf8Slice(reasonStart, detailsStart), {
    progress: bytes[fixed + 1] === 0 ? 'refused' : 'processed',
    retryAfterMs: retryAfter === NO_RETRY_AFTER ? undefined : retryAfter,
    final: (flags & ReplyFlag.FINAL) !== 0,
    details: detailsStart === end ? undefined : decode(bytes, detailsStart, end),
    // It would show where bytes are read. Who takes the error shows where the call was made.
    hasStack: false,
  });
  return { error, metadata };
}

/** Reads a GOAWAY whose body is `bytes[start, end)`; an empty body means that the server drains. Longer reasons are cut. */
export function parseGoAway(bytes: Buffer, start: number, end: number): { code: number; reason: string } {
  if (start === end) return { code: GoAwayCode.DRAINING, reason: '' };
  const reasonStart = start + 1;
  const reason = bytes.utf8Slice(reasonStart, Math.min(reasonStart + GO_AWAY_REASON_BYTES_MAX, end));
  return { code: bytes[start]!, reason };
}
