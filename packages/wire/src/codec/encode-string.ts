import type { EncoderMembers } from './msgpack-internals.js';
import { UNSUPPORTED } from './unsupported.js';

/** Longer strings are measured first: reserving the worst case, three bytes a character, would grow the chunk for nothing. */
const MEASURED_LENGTH = 4096;

/** Writes a string by Node's native code, several times faster than a loop from about 30 characters on. */
export function encodeLongString(encoder: EncoderMembers & { readonly isRaw: boolean }, text: string): void {
  const { length } = text;
  const isMeasured = length >= MEASURED_LENGTH;
  const reserved = isMeasured ? Buffer.byteLength(text) : 3 * length;
  encoder.ensureBufferSizeToWrite(5 + reserved);
  const { bytes, pos, isRaw } = encoder;
  // The size of the header is guessed from the number of characters; the text is moved in the rare case that its bytes need a
  // longer one.
  const guess = headerBytes(isMeasured ? reserved : length, isRaw);
  const written = bytes.utf8Write(text, pos + guess);
  // A lone surrogate would take three bytes, so text of one byte a character has none.
  if (written !== length && !isWellFormed(text)) throw UNSUPPORTED;
  const header = headerBytes(written, isRaw);
  if (header !== guess) bytes.copyWithin(pos + header, pos + guess, pos + guess + written);
  putTextHeader(bytes, pos, written, isRaw);
  encoder.pos = pos + header + written;
}

/** Writes the header of a str, without str 8 when it is raw. @returns how long the header is */
export function putTextHeader(bytes: Buffer, at: number, byteLength: number, isRaw: boolean): number {
  const header = headerBytes(byteLength, isRaw);
  if (header === 1) bytes[at] = 0xa0 | byteLength;
  else if (header === 2) {
    bytes[at] = 0xd9;
    bytes[at + 1] = byteLength;
  } else if (header === 3) {
    bytes[at] = 0xda;
    bytes[at + 1] = byteLength >>> 8;
    bytes[at + 2] = byteLength & 0xff;
  } else {
    bytes[at] = 0xdb;
    bytes.writeUInt32BE(byteLength, at + 1);
  }
  return header;
}

/** ES2024, in every Node.js that this package supports. */
interface WellFormed {
  isWellFormed(): boolean;
}

/** Whether text can be encoded in UTF-8: false for half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as WellFormed).isWellFormed();
}

function headerBytes(byteLength: number, isRaw: boolean): number {
  return byteLength < 32 ? 1 : byteLength < 0x100 && !isRaw ? 2 : byteLength < 0x1_0000 ? 3 : 5;
}
