import { FrameType, HEADER_BYTES, ProtocolError, REQUEST_FIXED_BYTES, ReplyFlag } from './frame.js';
import { LOAD_BYTES } from './load.js';
import { readUint16, readUint32 } from './numbers.js';

/**
 * The name in `compression` of a HELLO for the format of RFC 1950 (zlib: deflate with a checksum), which the sender of the HELLO
 * can inflate.
 */
export const DEFLATE = 'deflate';

/**
 * Flag of a REQUEST, a RESPONSE or an ITEM: the payload is replaced by its length (u32) and the compressed payload. The metadata
 * before it is not compressed.
 */
export const COMPRESSED = 0x10;

/** The length before the compressed bytes: how many bytes they inflate to. */
export const INFLATED_LENGTH_BYTES = 4;

/**
 * Where the payload begins in a frame that this side has just written at `start`.
 * @returns -1 for a frame that has no payload to be compressed
 */
export function findPayload(bytes: Buffer, start: number): number {
  const body = start + HEADER_BYTES;
  switch (bytes[start + 4]) {
    case FrameType.REQUEST: {
      const names = body + REQUEST_FIXED_BYTES;
      return names + 2 + bytes[names]! + bytes[names + 1]! + readUint16(bytes, body + 6);
    }
    case FrameType.RESPONSE: {
      const flags = bytes[start + 5]!;
      const head = (flags & ReplyFlag.LOAD) === 0 ? body : body + LOAD_BYTES;
      return (flags & ReplyFlag.METADATA) === 0 ? head : head + 2 + readUint16(bytes, head);
    }
    case FrameType.ITEM:
      return body;
    default:
      return -1;
  }
}

/**
 * Replaces the payload of the frame at `start` by its compressed form, which must be shorter by at least the four bytes of
 * the length.
 * @returns where the frame ends now
 */
export function putCompressed(
  bytes: Buffer,
  start: number,
  payloadStart: number,
  payloadBytes: number,
  compressed: Buffer,
): number {
  bytes.writeUInt32BE(payloadBytes, payloadStart);
  const end = payloadStart + INFLATED_LENGTH_BYTES + compressed.copy(bytes, payloadStart + INFLATED_LENGTH_BYTES);
  bytes.writeUInt32BE(end - start - HEADER_BYTES, start);
  bytes[start + 5] = bytes[start + 5]! | COMPRESSED;
  return end;
}

/** How many bytes the compressed payload `bytes[start, end)` claims to inflate to. @throws ProtocolError when it is cut short */
export function readInflatedLength(bytes: Buffer, start: number, end: number): number {
  if (start + INFLATED_LENGTH_BYTES > end) throw new ProtocolError('a compressed payload is cut short');
  return readUint32(bytes, start);
}
