import type { Limits } from '@org/rpc-core';
import { CodecError } from './codec.js';

/** Finds the ends of MessagePack values in a stream of bytes that arrive in pieces of any size. */
export interface Scanner {
  /**
   * Looks at `bytes[start, end)`, the bytes that follow those of the call before, up to the end of the current message.
   * @returns the offset in `bytes` after the message's last byte, where the next message begins; -1 when it needs more
   * @throws CodecError when the bytes are no message of at most `messageBytes`; the stream is lost then and every later call throws
   * the same error
   */
  push(bytes: Uint8Array, start: number, end: number): number;
  /** Bytes of the unfinished message so far, 0 between two messages. */
  readonly pendingBytes: number;
  /** How many bytes at least are still to come of the unfinished message: those of the string or binary that it is in. */
  readonly missingBytes: number;
}

/** The bounds that a scanner keeps. */
export type ScannerLimits = Pick<Limits, 'messageBytes'>;

/**
 * Makes a scanner that only finds where values end. Their contents, number of elements and depth are checked by the decoder,
 * which can refuse one message without losing those behind it. Each byte of a header is visited once; strings, binaries and
 * extensions are skipped by their length. All that is kept is the number of values to come, so nesting costs nothing.
 */
export function createScanner(limits: ScannerLimits): Scanner {
  return new EndScanner(limits.messageBytes);
}

class EndScanner implements Scanner {
  readonly #limit: number;
  #offset = 0;
  /** Values of the message that have not begun. */
  #values = 1;
  /** The type byte whose header is being read, -1 for none. */
  #head = -1;
  #headerBytes = 0;
  #header = 0;
  #skip = 0;
  #failure: CodecError | undefined;

  constructor(messageBytes: number) {
    this.#limit = messageBytes;
  }

  get pendingBytes(): number {
    return this.#offset;
  }

  get missingBytes(): number {
    return this.#skip;
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
    this.#offset++;
    if (byte < 0x80 || byte >= 0xe0) return this.#valueEnds();
    if (byte < 0x90) return this.#container(2 * (byte & 0x0f));
    if (byte < 0xa0) return this.#container(byte & 0x0f);
    if (byte < 0xc0) return this.#payload(byte & 0x1f);
    const rule = RULES[byte - 0xc0]!;
    if (rule < 0) throw this.#fail('the byte c1, which MessagePack never uses');
    if (rule === 0) return this.#valueEnds();
    if ((byte >= 0xca && byte <= 0xd3) || (byte >= 0xd4 && byte <= 0xd8)) return this.#payload(rule);
    if (rule > this.#limit - this.#offset) throw this.#tooLong();
    this.#head = byte;
    this.#headerBytes = rule;
    this.#header = 0;
    return false;
  }

  #continueHeader(byte: number): boolean {
    this.#header = this.#header * 256 + byte;
    this.#offset++;
    if (--this.#headerBytes > 0) return false;
    const head = this.#head;
    const header = this.#header;
    this.#head = -1;
    // The type of an extension is skipped with its body.
    if (head >= 0xc7 && head <= 0xc9) return this.#payload(header + 1);
    if (head === 0xdc || head === 0xdd) return this.#container(header);
    if (head >= 0xde) return this.#container(2 * header);
    return this.#payload(header);
  }

  #payload(byteLength: number): boolean {
    if (byteLength > this.#limit - this.#offset) throw this.#tooLong();
    this.#skip = byteLength;
    return byteLength === 0 && this.#valueEnds();
  }

  #container(elements: number): boolean {
    // Every value that is still to come takes a byte at least.
    if (this.#values - 1 + elements > this.#limit - this.#offset) throw this.#tooLong();
    this.#values += elements;
    return this.#valueEnds();
  }

  /** A value has ended, or a container begun whose elements are counted. @returns whether the message has ended */
  #valueEnds(): boolean {
    if (--this.#values > 0) return false;
    this.#offset = 0;
    this.#values = 1;
    return true;
  }

  #tooLong(): CodecError {
    return this.#fail(`a message of more than ${this.#limit} bytes`);
  }

  #fail(what: string): CodecError {
    this.#failure = new CodecError(`cannot read the message at byte ${this.#offset}: ${what}`, true);
    return this.#failure;
  }
}

/**
 * For the type bytes c0 to df: how many bytes of length follow, for numbers and the short extensions (d4 to d8) how many bytes the rest
 * has, 0 when the value is complete and -1 when the byte is not MessagePack.
 */
const RULES: readonly number[] = [
  ...[0, -1, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8],
  ...[1, 2, 4, 8, 2, 3, 5, 9, 17, 1, 2, 4, 2, 4, 2, 4],
];
