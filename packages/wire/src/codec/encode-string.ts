import type { EncoderMembers } from './msgpack-internals.js';
import { UNSUPPORTED } from './unsupported.js';

/** Longer strings are measured first: reserving the worst case, three bytes a character, would grow the chunk for nothing. */
const MEASURED_LENGTH = 4096;

/** Writes a string by Node's native code, several times faster than a loop from about 30 characters on. */
export function encodeLongString(encoder: EncoderMembers, text: string): void {
  const { length } = text;
  const isMeasured = length >= MEASURED_LENGTH;
  const reserved = isMeasured ? Buffer.byteLength(text) : 3 * length;
  encoder.ensureBufferSizeToWrite(5 + reserved);
  const { bytes, view, pos } = encoder;
  // The header is guessed, and the text moved in the rare case that its bytes need a longer one than its characters.
  const guess = headerBytes(isMeasured ? reserved : length);
  const written = bytes.utf8Write(text, pos + guess);
  // A lone surrogate would take three bytes, so text of one byte a character has none.
  if (written !== length && !isWellFormed(text)) throw UNSUPPORTED;
  const header = headerBytes(written);
  if (header !== guess) bytes.copyWithin(pos + header, pos + guess, pos + guess + written);
  if (header === 1) bytes[pos] = 0xa0 | written;
  else if (header === 2) {
    bytes[pos] = 0xd9;
    bytes[pos + 1] = written;
  } else if (header === 3) {
    bytes[pos] = 0xda;
    view.setUint16(pos + 1, written);
  } else {
    bytes[pos] = 0xdb;
    view.setUint32(pos + 1, written);
  }
  encoder.pos = pos + header + written;
}

/** ES2024, in every Node.js that this package supports. */
interface WellFormed {
  isWellFormed(): boolean;
}

/** Whether text can be said in UTF-8: false for half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as WellFormed).isWellFormed();
}

function headerBytes(byteLength: number): number {
  return byteLength < 32 ? 1 : byteLength < 0x100 ? 2 : byteLength < 0x1_0000 ? 3 : 5;
}
