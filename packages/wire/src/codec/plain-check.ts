import { isUtf8 } from 'node:buffer';
import type { Limits } from '@org/rpc-core';
import { ELEMENT_COSTS } from './element-costs.js';
import { indexOfKey } from './index-keys.js';

/**
 * Finds messages that every MessagePack decoder reads in the same way, as opposed to those with extensions, integers that a
 * number cannot hold, keys that are not strings, the key `__proto__`, keys that are indices, a byte order mark, and whatever is
 * malformed or out of bounds. It goes over the bytes once, allocates nothing but for text that is long or not ASCII, and never
 * throws.
 */
export class PlainCheck {
  /** Elements of the message that was looked at last, as the decoder counts them. */
  elements = 0;
  /** How many of its values are numbers, booleans and nulls. */
  scalars = 0;
  readonly #messageElements: number;
  readonly #messageDepth: number;
  #bytes: Buffer = NOTHING;
  #position = 0;
  #end = 0;

  constructor(limits: Pick<Limits, 'messageElements' | 'messageDepth'>) {
    this.#messageElements = limits.messageElements;
    this.#messageDepth = limits.messageDepth;
  }

  /** Whether `bytes[start, end)` is exactly one well-formed, plain value within the bounds. */
  isPlain(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
    this.elements = 0;
    this.scalars = 0;
    const isPlain = this.#value(this.#messageDepth) && this.#position === end;
    this.#bytes = NOTHING;
    return isPlain;
  }

  /** @param depth - how many containers that hold something may still be opened */
  #value(depth: number): boolean {
    if (this.#position >= this.#end) return false;
    const byte = this.#bytes[this.#position++]!;
    if (byte < 0x80 || byte >= 0xe0) {
      this.scalars++;
      return true;
    }
    if (byte < 0x90) return this.#map(byte & 0x0f, depth);
    if (byte < 0xa0) return this.#array(byte & 0x0f, depth);
    if (byte < 0xc0) return this.#text(byte & 0x1f);
    const rule = RULES[byte - 0xc0]!;
    if (rule < LENGTH_1 || rule === WIDE_INTEGER) {
      this.scalars++;
      if (rule === WIDE_INTEGER) return this.#wideInteger(byte);
      return rule >= 0 && this.#skip(rule);
    }
    const length = this.#length(1 << (rule - LENGTH_1));
    if (length < 0) return false;
    if (byte <= 0xc6) {
      this.elements += ELEMENT_COSTS.object;
      return this.elements <= this.#messageElements && this.#skip(length);
    }
    if (byte <= 0xdb) return this.#text(length);
    return byte <= 0xdd ? this.#array(length, depth) : this.#map(length, depth);
  }

  #array(length: number, depth: number): boolean {
    if (length === 0) return true;
    if (!this.#enter(length, depth)) return false;
    for (let i = 0; i < length; i++) if (!this.#value(depth - 1)) return false;
    return true;
  }

  #map(length: number, depth: number): boolean {
    if (length === 0) return true;
    if (!this.#enter(2 * length, depth)) return false;
    for (let i = 0; i < length; i++) if (!this.#key() || !this.#value(depth - 1)) return false;
    return true;
  }

  #enter(elements: number, depth: number): boolean {
    this.elements += elements;
    return depth > 0 && elements <= this.#end - this.#position && this.elements <= this.#messageElements;
  }

  #key(): boolean {
    if (this.#position >= this.#end) return false;
    const byte = this.#bytes[this.#position++]!;
    if (byte >= 0xa0 && byte < 0xc0) {
      const start = this.#position;
      return this.#text(byte & 0x1f) && !(byte === PROTO_HEAD && this.#isProto(start)) && !this.#isIndex(start);
    }
    if (byte < 0xd9 || byte > 0xdb) return false;
    const length = this.#length(1 << (byte - 0xd9));
    const start = this.#position;
    return (
      length >= 0 && this.#text(length) && !(length === PROTO.length && this.#isProto(start)) && !this.#isIndex(start)
    );
  }

  /** Whether the key from `start` on is an index: the decoder makes objects with such keys in another way. */
  #isIndex(start: number): boolean {
    const byte = this.#bytes[start]!;
    return byte <= 0x39 && byte >= 0x30 && indexOfKey(this.#bytes, start, this.#position) >= 0;
  }

  #isProto(start: number): boolean {
    for (let i = 0; i < PROTO.length; i++) if (this.#bytes[start + i] !== PROTO[i]) return false;
    return true;
  }

  #text(length: number): boolean {
    const start = this.#position;
    const end = start + length;
    if (end > this.#end) return false;
    this.#position = end;
    const bytes = this.#bytes;
    if (length < LOOP_BYTES) {
      let i = start;
      while (i < end && bytes[i]! < 0x80) i++;
      if (i === end) return true;
    }
    // A TextDecoder drops the mark.
    if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) return false;
    return isUtf8(bytes.subarray(start, end));
  }

  /** An integer of 64 bits is plain when a number holds it: then no decoder rounds it. */
  #wideInteger(byte: number): boolean {
    if (!this.#skip(8)) return false;
    const high = this.#bytes.readInt32BE(this.#position - 8);
    return high < 0x20_0000 && (byte === 0xcf ? high >= 0 : high >= -0x1f_ffff);
  }

  #skip(length: number): boolean {
    this.#position += length;
    return this.#position <= this.#end;
  }

  /** @returns the big-endian number that follows; -1 when the message ends first */
  #length(byteLength: number): number {
    if (!this.#skip(byteLength)) return -1;
    let length = 0;
    for (let i = this.#position - byteLength; i < this.#position; i++) length = length * 256 + this.#bytes[i]!;
    return length;
  }
}

const NOTHING = Buffer.alloc(0);
const PROTO = Buffer.from('__proto__');
/** The type byte of a string of nine bytes. */
const PROTO_HEAD = 0xa0 + PROTO.length;
/** From here on native code is faster than a loop, in spite of the view that it needs. */
const LOOP_BYTES = 64;
/** A length of 1, 2 or 4 bytes follows. */
const LENGTH_1 = 16;
const WIDE_INTEGER = 32;
/** For the type bytes c0 to df: bytes to skip, -1 for what is not plain, or one of the above. */
const RULES: readonly number[] = [
  ...[0, -1, 0, 0, LENGTH_1, LENGTH_1 + 1, LENGTH_1 + 2, -1, -1, -1],
  ...[4, 8, 1, 2, 4, WIDE_INTEGER, 1, 2, 4, WIDE_INTEGER],
  ...[-1, -1, -1, -1, -1, LENGTH_1, LENGTH_1 + 1, LENGTH_1 + 2],
  ...[LENGTH_1 + 1, LENGTH_1 + 2, LENGTH_1 + 1, LENGTH_1 + 2],
];
