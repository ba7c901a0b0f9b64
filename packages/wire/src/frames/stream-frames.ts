import type { Codec } from '../codec/codec.js';
import { FrameType, HEADER_BYTES, ProtocolError, ReplyFlag } from './frame.js';
import { type FrameTarget, putHeader } from './frame-writer.js';
import { readUint32 } from './numbers.js';

/** Credit of one stream that every peer grants from the start, in bytes of items. */
export const STREAM_CREDIT: number = 64 * 1024;
/** Credit of all streams of a connection together that every peer grants from the start, in bytes of items. */
export const CONNECTION_CREDIT: number = 1024 * 1024;
/** No balance may grow beyond this. */
export const CREDIT_MAX: number = 2 ** 31 - 1;

/** A stream begins with this part of the most that it may get. */
const FIRST_PART = 4;

/** The credit that each stream has at first from a peer that takes at most `streamCreditBytes` on it. */
export function firstStreamCredit(streamCreditBytes: number): number {
  return Math.max(STREAM_CREDIT, Math.floor(streamCreditBytes / FIRST_PART));
}

/** Appends an ITEM; one that is `undefined` has no payload. @throws CodecError with the position as before */
export function writeItem(target: FrameTarget, codec: Codec, id: number, value: unknown): void {
  const start = target.reserve(HEADER_BYTES);
  target.position = start + HEADER_BYTES;
  if (value !== undefined) {
    try {
      codec.encode(value, target);
    } catch (error) {
      target.position = start;
      throw error;
    }
  }
  putHeader(target, start, FrameType.ITEM, 0, id);
}

/** Appends an END. A server's may carry response metadata. */
export function writeEnd(target: FrameTarget, id: number, metadata: Buffer | undefined): void {
  const start = target.reserve(HEADER_BYTES + 2 + (metadata?.length ?? 0));
  let position = start + HEADER_BYTES;
  if (metadata !== undefined) {
    target.chunk.bytes.writeUInt16BE(metadata.length, position);
    position += 2 + metadata.copy(target.chunk.bytes, position + 2);
  }
  target.position = position;
  putHeader(target, start, FrameType.END, metadata === undefined ? 0 : ReplyFlag.METADATA, id);
}

/** Appends a CREDIT: the peer may send this many more bytes of items, on one stream or, with id 0, on all of them together. */
export function writeCredit(target: FrameTarget, id: number, bytes: number): void {
  putCredit(target, FrameType.CREDIT, id, bytes);
}

/** Appends a PIECE_CREDIT: the peer may send this many more bytes of pieces. */
export function writePieceCredit(target: FrameTarget, bytes: number): void {
  putCredit(target, FrameType.PIECE_CREDIT, 0, bytes);
}

function putCredit(target: FrameTarget, type: number, id: number, bytes: number): void {
  const start = target.reserve(HEADER_BYTES + 4);
  target.chunk.bytes.writeUInt32BE(bytes, start + HEADER_BYTES);
  target.position = start + HEADER_BYTES + 4;
  putHeader(target, start, type, 0, id);
}

/** Reads the body of a CREDIT or a PIECE_CREDIT. @throws ProtocolError when it is not a positive number */
export function readCredit(bytes: Buffer, start: number, end: number): number {
  if (end - start !== 4) throw new ProtocolError(`a CREDIT has 4 bytes, not ${end - start}`);
  const credit = readUint32(bytes, start);
  if (credit === 0) throw new ProtocolError('a CREDIT of 0 bytes');
  return credit;
}

/** What an item costs: the bytes of its payload. An empty one also costs something, or there could be any number of them. */
export function itemCost(payloadBytes: number): number {
  return Math.max(1, payloadBytes);
}
