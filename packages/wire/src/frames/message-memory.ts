import { readUint16, readUint32 } from './numbers.js';

/** The least memory of a message that comes in parts, in bytes. */
const MEMORY_BYTES_MIN = 256;

/** How many times of what is there it grows to; a little more where that is the whole message, so that it need not grow again for its end. */
const GROWTH = 4;
const GROWTH_MAX = 5;

/** A large binary begins within so many bytes of its message, or its place is not looked for. */
const HEAD_BYTES = 256;

/** What a place must be a multiple of, so that a typed array of any kind may lie there. */
const ALIGNMENT = 8;

const EMPTY = Buffer.alloc(0);

/**
 * The bytes of a message that does not come at once, put together in memory of its own. It grows by factors with what has really
 * come, which keeps the copying linear and the memory within five times of that; as soon as a fifth of the message is there, it
 * is exactly as large as the message; until then it is borrowed, so that a message costs little more fresh memory than it has bytes. Where the message is little more than one binary, that lies at a multiple of eight, so that
 * whoever reads it may use it where it lies.
 */
export class MessageMemory {
  bytes: Buffer = EMPTY;
  /** Where the message begins in `bytes`. */
  start = 0;
  /** How much of it has come. */
  receivedBytes = 0;
  #isBorrowed = false;

  /** Where in `bytes` the part ends that has come. */
  get end(): number {
    return this.start + this.receivedBytes;
  }

  /**
   * Appends `bytes[start, end)`.
   * @param totalBytes - how long the message will be, or at least: it decides how much memory is taken, never whether it is enough
   */
  append(bytes: Buffer, start: number, end: number, totalBytes: number): void {
    const needed = this.receivedBytes + end - start;
    if (this.start + needed > this.bytes.length) this.#grow(needed, totalBytes, bytes, start, end);
    bytes.copy(this.bytes, this.end, start, end);
    this.receivedBytes = needed;
  }

  /** Takes memory over, to be used in place of what would be allocated first. */
  reuse(memory: Buffer): void {
    this.#become(memory, 0, false);
    this.receivedBytes = 0;
  }

  /** Forgets the message and its memory. */
  clear(): void {
    this.reuse(EMPTY);
  }

  #grow(needed: number, totalBytes: number, bytes: Buffer, start: number, end: number): void {
    const before = this.bytes.subarray(this.start, this.end);
    const isMost = totalBytes <= GROWTH_MAX * needed;
    const scratch = isMost ? undefined : borrowScratch(needed, GROWTH_MAX * needed);
    if (scratch !== undefined) {
      before.copy(scratch);
      return this.#become(scratch, 0, true);
    }
    const room = Math.max(
      needed,
      isMost ? totalBytes : Math.min(totalBytes, Math.max(MEMORY_BYTES_MIN, GROWTH * needed)),
    );
    const at = before.length === 0 ? binaryStart(bytes, start, end, room) : binaryStart(before, 0, before.length, room);
    const padding = (ALIGNMENT - (at % ALIGNMENT)) % ALIGNMENT;
    const larger = Buffer.allocUnsafeSlow(padding + room);
    before.copy(larger, padding);
    this.#become(larger, padding, false);
  }

  #become(memory: Buffer, start: number, isBorrowed: boolean): void {
    if (this.#isBorrowed) returnScratch(this.bytes);
    this.bytes = memory;
    this.start = start;
    this.#isBorrowed = isBorrowed;
  }
}

/** Where the content of the binary begins that a message of so many bytes, of which the first ones are here, is mostly made of; else 0. */
function binaryStart(bytes: Buffer, start: number, end: number, totalBytes: number): number {
  const last = Math.min(end, start + HEAD_BYTES) - 5;
  for (let i = start; i < last; i++) {
    const head = bytes[i];
    if (head !== 0xc6 && head !== 0xc5) continue;
    const content = i + (head === 0xc6 ? 5 : 3) - start;
    const byteLength = head === 0xc6 ? readUint32(bytes, i + 1) : readUint16(bytes, i + 1);
    if (content + byteLength <= totalBytes && 2 * byteLength > totalBytes) return content;
  }
  return 0;
}

interface Scratch {
  readonly bytes: number;
  /** How many of this length are kept. */
  readonly keptMax: number;
  readonly kept: Buffer[];
}

/** Memory of the process for what has no place yet. All that is kept together is 4 MiB at most. */
const SCRATCH: readonly Scratch[] = [
  { bytes: 64 * 1024, keptMax: 16, kept: [] },
  { bytes: 256 * 1024, keptMax: 4, kept: [] },
  { bytes: 1024 * 1024, keptMax: 2, kept: [] },
];

/**
 * Borrows memory in which something else may stand. It is given back with `returnScratch`, or forgotten.
 * @param bytesMin - how long it is at least
 * @param bytesMax - how long it is at most
 * @returns `undefined` when memory of such a length is not kept
 */
function borrowScratch(bytesMin: number, bytesMax: number): Buffer | undefined {
  for (const { bytes, kept } of SCRATCH)
    if (bytes >= bytesMin) return bytes > bytesMax ? undefined : (kept.pop() ?? Buffer.allocUnsafeSlow(bytes));
  return undefined;
}

/** Gives borrowed memory back. Nobody may read from it or write to it any more. */
function returnScratch(memory: Buffer): void {
  for (const { bytes, keptMax, kept } of SCRATCH)
    if (bytes === memory.length && kept.length < keptMax) kept.push(memory);
}
