import type { Code, RpcError } from '@org/rpc-core';
import { CODE_NUMBERS } from '@org/rpc-core/internal';
import type { Codec, EncodeTarget } from '../codec/codec.js';
import {
  ERROR_FIXED_BYTES,
  FrameType,
  GO_AWAY_REASON_BYTES_MAX,
  type GoAwayCode,
  HEADER_BYTES,
  NO_RETRY_AFTER,
  REQUEST_FIXED_BYTES,
  ReplyFlag,
} from './frame.js';
import { LOAD_BYTES, NO_LOAD } from './load.js';

/** What frames are appended to: an {@link EncodeTarget} that can make room. */
export interface FrameTarget extends EncodeTarget {
  /** Makes room for this many bytes at the position, and returns the position. */
  reserve(bytes: number): number;
}

/** Longer reasons are cut: an error is read by people, and must fit beside everything else. */
const REASON_BYTES_MAX = 4096;

/** What goes into the fixed part of a REQUEST. One object, filled anew for each request: the hot path allocates nothing for it. */
export interface RequestHead {
  id: number;
  flags: number;
  remainingMs: number;
  attempt: number;
  priority: number;
  wireName: Uint8Array;
  metadata: Buffer | undefined;
}

/** An empty {@link RequestHead} to be filled. */
export function createRequestHead(): RequestHead {
  return { id: 0, flags: 0, remainingMs: 0, attempt: 0, priority: 0, wireName: NO_NAME, metadata: undefined };
}

const NO_NAME = new Uint8Array();

/** Appends a REQUEST. @throws CodecError when the arguments cannot be encoded; the position is then as before */
export function writeRequest(
  target: FrameTarget,
  codec: Codec,
  head: Readonly<RequestHead>,
  args: readonly unknown[],
): void {
  // All of it now: to encode arguments may run code of theirs, and that may call again.
  const { id, flags, wireName, metadata } = head;
  const metadataBytes = metadata === undefined ? 0 : metadata.length;
  const start = target.reserve(HEADER_BYTES + REQUEST_FIXED_BYTES + wireName.length + metadataBytes);
  const { bytes } = target.chunk;
  let position = start + HEADER_BYTES;
  position = putUint32(bytes, position, head.remainingMs);
  bytes[position++] = head.attempt;
  bytes[position++] = head.priority;
  position = putUint16(bytes, position, metadataBytes);
  // Names are short: a loop is faster than the call of a native copy.
  for (let i = 0; i < wireName.length; i++) bytes[position++] = wireName[i]!;
  if (metadata !== undefined) position += metadata.copy(bytes, position);
  target.position = position;
  encodeOrRollBack(target, codec, args, start);
  putHeader(target, start, FrameType.REQUEST, flags, id);
}

/**
 * Appends a RESPONSE; a result of `undefined` is an empty payload.
 * @param load - see {@link packLoad}
 * @throws CodecError when the result cannot be encoded
 */
export function writeResponse(
  target: FrameTarget,
  codec: Codec,
  id: number,
  value: unknown,
  metadata: Buffer | undefined,
  load: number = NO_LOAD,
): void {
  const start = target.reserve(HEADER_BYTES + LOAD_BYTES + 2 + (metadata === undefined ? 0 : metadata.length));
  target.position = start + HEADER_BYTES;
  if (load !== NO_LOAD) putLoad(target, load);
  if (metadata !== undefined) putSection(target, metadata);
  if (value !== undefined) encodeOrRollBack(target, codec, value, start);
  const flags = (metadata === undefined ? 0 : ReplyFlag.METADATA) | (load === NO_LOAD ? 0 : ReplyFlag.LOAD);
  putHeader(target, start, FrameType.RESPONSE, flags, id);
}

/** Appends an ERROR. Details that cannot be encoded, or do not fit, are left out: the error itself must arrive. */
export function writeError(
  target: FrameTarget,
  codec: Codec,
  id: number,
  error: RpcError,
  handlerRan: boolean,
  bodyBytesMax: number,
  load: number = NO_LOAD,
): void {
  const { reason } = error;
  const loadBytes = load === NO_LOAD ? 0 : LOAD_BYTES;
  const reasonBytesMax = Math.min(REASON_BYTES_MAX, bodyBytesMax - ERROR_FIXED_BYTES - loadBytes);
  // Written in place where it fits whatever it holds: a server that refuses has no time.
  const isShort = 3 * reason.length <= reasonBytesMax;
  const cut = isShort ? undefined : cutUtf8(reason, reasonBytesMax);
  const textBytes = cut === undefined ? 3 * reason.length : cut.length;
  const start = target.reserve(HEADER_BYTES + loadBytes + ERROR_FIXED_BYTES + textBytes);
  const { bytes } = target.chunk;
  target.position = start + HEADER_BYTES;
  if (load !== NO_LOAD) putLoad(target, load);
  let { position } = target;
  bytes[position++] = CODE_NUMBERS[error.code as Code];
  bytes[position++] = handlerRan ? 1 : 0;
  const { retryAfterMs } = error;
  position = putUint32(
    bytes,
    position,
    retryAfterMs === undefined ? NO_RETRY_AFTER : Math.min(Math.max(0, Math.ceil(retryAfterMs)), NO_RETRY_AFTER - 1),
  );
  const reasonBytes = cut === undefined ? bytes.write(reason, position + 2) : cut.copy(bytes, position + 2);
  target.position = putUint16(bytes, position, reasonBytes) + reasonBytes;
  if (error.details !== undefined) {
    const before = target.position;
    try {
      codec.encode(error.details, target);
      if (target.position - start - HEADER_BYTES > bodyBytesMax) target.position = before;
    } catch {
      target.position = before;
    }
  }
  const flags = (error.final ? ReplyFlag.FINAL : 0) | (load === NO_LOAD ? 0 : ReplyFlag.LOAD);
  putHeader(target, start, FrameType.ERROR, flags, id);
}

/** Appends a CANCEL. */
export function writeCancel(target: FrameTarget, id: number, reason: number): void {
  const start = target.reserve(HEADER_BYTES + 1);
  target.chunk.bytes[start + HEADER_BYTES] = reason;
  target.position = start + HEADER_BYTES + 1;
  putHeader(target, start, FrameType.CANCEL, 0, id);
}

/** Appends a PING or a PONG, with the eight bytes that the PONG repeats. */
export function writePing(
  target: FrameTarget,
  type: typeof FrameType.PING | typeof FrameType.PONG,
  opaque: Buffer,
): void {
  const start = target.reserve(HEADER_BYTES + 8);
  opaque.copy(target.chunk.bytes, start + HEADER_BYTES, 0, 8);
  target.position = start + HEADER_BYTES + 8;
  putHeader(target, start, type, 0, 0);
}

/** Appends the question of a client how busy its server is, or the server's answer. @param load - see {@link packLoad} */
export function writeLoad(target: FrameTarget, load: number = NO_LOAD): void {
  const start = target.reserve(HEADER_BYTES + LOAD_BYTES);
  target.position = start + HEADER_BYTES;
  if (load !== NO_LOAD) putLoad(target, load);
  putHeader(target, start, FrameType.LOAD, 0, 0);
}

/** Appends a GOAWAY with its reason for people. */
export function writeGoAway(target: FrameTarget, code: GoAwayCode, reason: string, flags = 0): void {
  const text = cutUtf8(reason, GO_AWAY_REASON_BYTES_MAX);
  const start = target.reserve(HEADER_BYTES + 1 + text.length);
  target.chunk.bytes[start + HEADER_BYTES] = code;
  text.copy(target.chunk.bytes, start + HEADER_BYTES + 1);
  target.position = start + HEADER_BYTES + 1 + text.length;
  putHeader(target, start, FrameType.GOAWAY, flags, 0);
}

/** Writes the header at `start` of a frame that ends at the target's position, what is attached to it included. */
export function putHeader(target: FrameTarget, start: number, type: number, flags: number, id: number): void {
  const { bytes } = target.chunk;
  const { attachments } = target;
  putUint32(bytes, start, target.position - start - HEADER_BYTES + (attachments === undefined ? 0 : attachments.bytes));
  bytes[start + 4] = type;
  bytes[start + 5] = flags;
  putUint32(bytes, start + 6, id);
}

function encodeOrRollBack(target: FrameTarget, codec: Codec, value: unknown, start: number): void {
  try {
    codec.encode(value, target);
  } catch (error) {
    target.position = start;
    throw error;
  }
}

function putLoad(target: FrameTarget, load: number): void {
  target.position = putUint32(target.chunk.bytes, target.position, load);
}

function putSection(target: FrameTarget, section: Buffer): void {
  const { bytes } = target.chunk;
  const position = putUint16(bytes, target.position, section.length);
  target.position = position + section.copy(bytes, position);
}

function putUint32(bytes: Buffer, at: number, value: number): number {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
  return at + 4;
}

function putUint16(bytes: Buffer, at: number, value: number): number {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
  return at + 2;
}

/** The text as UTF-8 of at most `bytesMax` bytes, never cut inside a character. */
function cutUtf8(text: string, bytesMax: number): Buffer {
  const bytes = Buffer.from(text.slice(0, bytesMax), 'utf8');
  if (bytes.length <= bytesMax) return bytes;
  let end = bytesMax;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
