import { MessageMemory } from '../../frames/message-memory.js';

const HEADER_BYTES = 4;
/** The highest bit of a header says that the item is compressed. */
const COMPRESSED_BIT = 0x8000_0000;
const LENGTH_MASK = 0x7fff_ffff;
const CHUNK_BYTES_MIN = 256;
const CHUNK_BYTES_MAX = 16 * 1024;

/** The bytes of one item. Read them before the backlog is used again. */
export interface WaitingItem {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly isCompressed: boolean;
  /** Whether its memory holds nothing else: see `DecodeMessage`. */
  readonly mayKeep: boolean;
}

interface BacklogChunk {
  /** The item, if the chunk holds only one; `undefined` when items are packed in it. */
  readonly only?: WaitingItem;
  readonly bytes: Buffer;
  /** Where the next item is written. */
  end: number;
}

/**
 * The bytes of items that wait to be taken, first in, first out, packed one behind another. A value of one byte takes five bytes here, and
 * about sixty once decoded. A chunk is released when its last item is taken.
 */
export class ItemBacklog {
  readonly #chunks: BacklogChunk[] = [];
  #start = 0;
  /** Where the newest item begins. */
  #lastStart = 0;

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Copies `bytes[start, end)`; a large item into memory of its own. */
  add(bytes: Buffer, start: number, end: number, isCompressed: boolean): void {
    const itemBytes = end - start;
    if (itemBytes > CHUNK_BYTES_MAX) {
      const memory = new MessageMemory();
      memory.append(bytes, start, end, itemBytes);
      return this.keep(memory.bytes, memory.start, memory.end, isCompressed);
    }
    const chunk = this.#chunkFor(HEADER_BYTES + itemBytes);
    chunk.bytes.writeUInt32BE(isCompressed ? itemBytes + COMPRESSED_BIT : itemBytes, chunk.end);
    bytes.copy(chunk.bytes, chunk.end + HEADER_BYTES, start, end);
    this.#lastStart = chunk.end;
    chunk.end += HEADER_BYTES + itemBytes;
  }

  /** Adds an item whose memory holds nothing else, without a copy. */
  keep(bytes: Buffer, start: number, end: number, isCompressed: boolean): void {
    this.#chunks.push({ bytes, end, only: { bytes, start, end, isCompressed, mayKeep: true } });
  }

  /** Removes the newest item. */
  dropLast(): void {
    const chunk = this.#chunks.at(-1)!;
    if (chunk.only !== undefined) return void this.#chunks.pop();
    chunk.end = this.#lastStart;
    if (chunk.end === (this.#chunks.length === 1 ? this.#start : 0)) this.#chunks.pop();
    if (this.#chunks.length === 0) this.#start = 0;
  }

  /** Takes the oldest item. The backlog must not be empty. */
  take(): WaitingItem {
    const chunk = this.#chunks[0]!;
    if (chunk.only !== undefined) {
      this.#chunks.shift();
      return chunk.only;
    }
    const header = chunk.bytes.readUInt32BE(this.#start);
    const start = this.#start + HEADER_BYTES;
    const end = start + (header & LENGTH_MASK);
    this.#start = end;
    if (end === chunk.end) {
      this.#chunks.shift();
      this.#start = 0;
    }
    return { bytes: chunk.bytes, start, end, isCompressed: header >= COMPRESSED_BIT, mayKeep: false };
  }

  /** Drops every item. */
  clear(): void {
    this.#chunks.length = 0;
    this.#start = 0;
  }

  /** Chunks grow with the bytes that wait, so that many streams with few bytes take little memory. */
  #chunkFor(room: number): BacklogChunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.only === undefined && last.end + room <= last.bytes.length) return last;
    const grown = last === undefined ? CHUNK_BYTES_MIN : Math.min(CHUNK_BYTES_MAX, 2 * last.bytes.length);
    const chunk = { bytes: Buffer.allocUnsafeSlow(Math.max(room, grown)), end: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }
}
