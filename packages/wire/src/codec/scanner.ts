import type { Limits } from '@org/rpc-core';
import { CodecError } from './codec.js';
import { isNested } from './extensions.js';

/** Finds the ends of MessagePack values in a stream of bytes that arrive in pieces of any size. */
export interface Scanner {
  /**
   * Looks at `bytes[start, end)`, the bytes that follow those of the call before, up to the end of the current message.
   * @returns the offset in `bytes` after the message's last byte, where the next message begins; -1 when it needs more
   * @throws CodecError when the bytes are no message within the limits; the stream is lost then and every later call throws
   * the same error
   */
  push(bytes: Uint8Array, start: number, end: number): number;
  /** Bytes of the unfinished message so far, 0 between two messages. */
  readonly pendingBytes: number;
}

/** The bounds that a scanner keeps. */
export type ScannerLimits = Pick<Limits, 'messageBytes' | 'messageElements' | 'messageDepth'>;

/**
 * Makes a scanner of the grammar and bounds that the codec's decoder has: what it accepts the decoder accepts, but for the
 * content of values (UTF-8, the key `__proto__`, the bodies of extensions that are not containers), and what it refuses the
 * decoder refuses. Each byte of a header is visited once, strings and binaries are skipped by their length, and nothing
 * is kept but a stack of counts.
 */
export function createScanner(limits: ScannerLimits): Scanner {
  return new StructureScanner(limits);
}

/** What is open: an array with elements to come, a map with keys and values to come, an extension around one array. */
const ARRAY = 0;
const MAP = 1;
const EXTENSION = 2;

class StructureScanner implements Scanner {
  readonly #limits: ScannerLimits;
  readonly #kinds: number[] = [];
  /** Beside each kind: values still to come, or for an extension the limit to go back to. */
  readonly #counts: number[] = [];
  #offset = 0;
  /** Where the innermost extension ends, or the largest message would. */
  #limit: number;
  #elements: number;
  #depth = 0;
  /** The type byte whose header is being read, -1 for none. */
  #head = -1;
  #headerBytes = 0;
  #header = 0;
  #skip = 0;
  #failure: CodecError | undefined;

  constructor(limits: ScannerLimits) {
    this.#limits = limits;
    this.#limit = limits.messageBytes;
    this.#elements = limits.messageElements;
  }

  get pendingBytes(): number {
    return this.#offset;
  }

  push(bytes: Uint8Array, start: number, end: number): number {
    if (this.#failure !== undefined) throw this.#failure;
    for (let i = start; ; ) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, end - i);
        i += step;
        this.#skip -= step;
        this.#offset += step;
        if (this.#skip > 0) return -1;
        if (this.#valueEnds()) return i;
      }
      if (i >= end) return -1;
      const byte = bytes[i++]!;
      if (this.#head < 0 ? this.#begin(byte) : this.#continueHeader(byte)) return i;
    }
  }

  /** Takes a type byte. @returns whether the message has ended with it */
  #begin(byte: number): boolean {
    if (this.#offset >= this.#limit) throw this.#tooLong();
    this.#checkPlace(byte);
    this.#offset++;
    if (byte < 0x80 || byte >= 0xe0) return this.#valueEnds();
    if (byte < 0x90) return this.#container(MAP, 2 * (byte & 0x0f));
    if (byte < 0xa0) return this.#container(ARRAY, byte & 0x0f);
    if (byte < 0xc0) return this.#payload(byte & 0x1f);
    const rule = RULES[byte - 0xc0]!;
    if (rule < 0) throw this.#fail('the byte c1, which MessagePack never uses');
    if (rule === 0) return this.#valueEnds();
    if (byte >= 0xca && byte <= 0xd3) return this.#payload(rule);
    if (rule > this.#limit - this.#offset) throw this.#tooLong();
    this.#head = byte;
    this.#headerBytes = rule;
    this.#header = 0;
    return false;
  }

  #checkPlace(byte: number): void {
    const top = this.#kinds.length - 1;
    if (top < 0) return;
    const kind = this.#kinds[top];
    if (kind === MAP && this.#counts[top]! % 2 === 0) {
      const isString = (byte >= 0xa0 && byte < 0xc0) || (byte >= 0xd9 && byte <= 0xdb);
      if (!isString) throw this.#fail('a key that is not a string');
    } else if (kind === EXTENSION) {
      const isArray = (byte >= 0x90 && byte < 0xa0) || byte === 0xdc || byte === 0xdd;
      if (!isArray) throw this.#fail('an extension whose body is not one array');
    }
  }

  #continueHeader(byte: number): boolean {
    this.#header = this.#header * 256 + byte;
    this.#offset++;
    if (--this.#headerBytes > 0) return false;
    const head = this.#head;
    const header = this.#header;
    this.#head = -1;
    if (head >= 0xd4 && head <= 0xd8) return this.#extension(header, 1 << (head - 0xd4));
    if (head >= 0xc7 && head <= 0xc9) return this.#extension(header % 256, Math.floor(header / 256));
    if (head === 0xdc || head === 0xdd) return this.#container(ARRAY, header);
    if (head >= 0xde) return this.#container(MAP, 2 * header);
    return this.#payload(header);
  }

  #payload(byteLength: number): boolean {
    if (byteLength > this.#limit - this.#offset) throw this.#tooLong();
    this.#skip = byteLength;
    return byteLength === 0 && this.#valueEnds();
  }

  #container(kind: number, elements: number): boolean {
    if (elements === 0) return this.#valueEnds();
    if (elements > this.#limit - this.#offset) throw this.#tooLong();
    if (elements > this.#elements) {
      throw this.#fail(`arrays and maps of more than ${this.#limits.messageElements} elements`);
    }
    if (this.#depth >= this.#limits.messageDepth) {
      throw this.#fail(`arrays and maps nested deeper than ${this.#limits.messageDepth}`);
    }
    this.#elements -= elements;
    this.#depth++;
    this.#kinds.push(kind);
    this.#counts.push(elements);
    return false;
  }

  #extension(type: number, byteLength: number): boolean {
    if (!isNested(type)) return this.#payload(byteLength);
    if (byteLength > this.#limit - this.#offset) throw this.#tooLong();
    this.#kinds.push(EXTENSION);
    this.#counts.push(this.#limit);
    this.#limit = this.#offset + byteLength;
    return false;
  }

  /** Counts a complete value, and all containers that end with it. @returns whether it was the whole message */
  #valueEnds(): boolean {
    const kinds = this.#kinds;
    const counts = this.#counts;
    for (let top = kinds.length - 1; top >= 0; top--) {
      if (kinds[top] === EXTENSION) {
        if (this.#offset !== this.#limit) throw this.#fail('bytes left over in an extension');
        this.#limit = counts[top]!;
      } else {
        counts[top]!--;
        if (counts[top]! > 0) return false;
        this.#depth--;
      }
      kinds.pop();
      counts.pop();
    }
    this.#offset = 0;
    this.#elements = this.#limits.messageElements;
    return true;
  }

  #tooLong(): CodecError {
    return this.#limit === this.#limits.messageBytes
      ? this.#fail(`a message of more than ${this.#limit} bytes`)
      : this.#fail('a value that does not fit the extension around it');
  }

  #fail(what: string): CodecError {
    this.#failure = new CodecError(`cannot read the message at byte ${this.#offset}: ${what}`);
    return this.#failure;
  }
}

/**
 * For the type bytes c0 to df: how many bytes of length and extension type follow, for the numbers ca to d3 how many bytes the
 * number has, 0 when the value is complete and -1 when the byte is not MessagePack.
 */
const RULES: readonly number[] = [
  ...[0, -1, 0, 0, 1, 2, 4, 2, 3, 5, 4, 8, 1, 2, 4, 8],
  ...[1, 2, 4, 8, 1, 1, 1, 1, 1, 1, 2, 4, 2, 4, 2, 4],
];
