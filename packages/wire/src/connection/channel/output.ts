import { allocateChunk, type Chunk, type EncodeTarget } from '../../codec/codec.js';
import type { ByteStream } from '../../transport/byte-stream.js';

/**
 * After this many messages or bytes the output is written, without waiting for the end of the tick. Writing only once per tick
 * would make the two sides take turns; writing once per message costs 9 us each. Measured: 1.6 to 2.2 times the calls per second.
 */
const FLUSH_MESSAGES = 16;
const FLUSH_BYTES = 16 * 1024;

const NO_CHUNK: Chunk = { bytes: Buffer.alloc(0), view: new DataView(new ArrayBuffer(0)) };

/**
 * What a connection is about to send. Messages are encoded straight into a borrowed buffer; it is written to the stream after
 * some messages, and at the latest at the end of the tick.
 */
export class Output implements EncodeTarget {
  chunk: Chunk = NO_CHUNK;
  position = 0;
  readonly #stream: ByteStream;
  readonly #onWrite: () => void;
  #messages = 0;
  #writtenBytes = 0;
  #scheduled = false;
  #held = false;
  #onWritten: (() => void)[] | undefined;

  /** @param onWrite - told after each write, to look at what the stream has queued */
  constructor(stream: ByteStream, onWrite: () => void) {
    this.#stream = stream;
    this.#onWrite = onWrite;
  }

  /** How many bytes the stream has taken so far. */
  get takenBytes(): number {
    return this.#writtenBytes - this.#stream.queuedBytes;
  }

  /** Makes room for `bytes` at the position and returns the position. */
  reserve(bytes: number): number {
    if (this.chunk === NO_CHUNK) this.chunk = borrowChunk();
    if (this.position + bytes > this.chunk.bytes.length) this.#grow(bytes);
    return this.position;
  }

  /** Takes back what was appended since `position`; a buffer in which nothing is left goes back to the pool. */
  rollBack(position: number): void {
    this.position = position;
    if (position > 0 || this.chunk === NO_CHUNK) return;
    returnChunk(this.chunk);
    this.chunk = NO_CHUNK;
  }

  /**
   * Takes out what was appended since `start`; its memory then belongs to the caller. A buffer that has grown is given away
   * whole, and the small part before `start` is copied instead.
   */
  take(start: number): Buffer {
    const { chunk, position } = this;
    if (chunk.bytes.length === POOLED_CHUNK_BYTES || position - start < start) {
      const copy = Buffer.from(chunk.bytes.subarray(start, position));
      this.rollBack(start);
      return copy;
    }
    this.chunk = NO_CHUNK;
    this.position = 0;
    if (start > 0) this.position = this.reserve(start) + chunk.bytes.copy(this.chunk.bytes, 0, 0, start);
    return chunk.bytes.subarray(start, position);
  }

  /** A message is complete: it ends at the position. */
  commit(): void {
    if (++this.#messages >= FLUSH_MESSAGES || this.position >= FLUSH_BYTES) this.flush();
    else if (!this.#scheduled && !this.#held) {
      this.#scheduled = true;
      process.nextTick(flushScheduled, this);
    }
  }

  /** Runs when everything up to now has been given to the stream. */
  afterWritten(run: () => void): void {
    this.#onWritten ??= [];
    this.#onWritten.push(run);
  }

  /** Until `release`, messages need no scheduling: whoever reads a chunk flushes at its end. */
  hold(): void {
    this.#held = true;
  }

  /** Ends `hold` and writes. */
  release(): void {
    this.#held = false;
    this.flush();
  }

  /** Writes what has been appended. */
  flush(): void {
    const { chunk, position } = this;
    if (position > 0) {
      this.chunk = NO_CHUNK;
      this.position = 0;
      this.#messages = 0;
      this.#writtenBytes += position;
      // A stream that has not taken everything still reads from the memory, and returns it later or never.
      if (this.#stream.write(chunk.bytes.subarray(0, position), chunk, returnChunk)) returnChunk(chunk);
      this.#onWrite();
    }
    const written = this.#onWritten;
    if (written !== undefined) {
      this.#onWritten = undefined;
      for (const run of written) run();
    }
  }

  /** Writes foreign memory after what has been appended. It is read from until the stream has nothing queued. */
  write(bytes: Buffer): void {
    this.flush();
    this.#writtenBytes += bytes.length;
    this.#stream.write(bytes);
    this.#onWrite();
  }

  /** Called at the end of the tick. */
  flushScheduled(): void {
    this.#scheduled = false;
    this.flush();
  }

  #grow(bytes: number): void {
    const larger = allocateChunk(Math.max(2 * this.chunk.bytes.length, this.position + bytes));
    this.chunk.bytes.copy(larger.bytes, 0, 0, this.position);
    returnChunk(this.chunk);
    this.chunk = larger;
  }
}

function flushScheduled(output: Output): void {
  output.flushScheduled();
}

/** Large enough that a flush of 16 KiB leaves room for an ordinary message. */
export const POOLED_CHUNK_BYTES = 64 * 1024;

const POOL_SIZE = 32;

/** Output buffers of the process. A connection has one only while it has something to send: idle ones cost nothing. */
const pool: Chunk[] = [];

/** Takes an output buffer for a while. */
export function borrowChunk(): Chunk {
  return pool.pop() ?? allocateChunk(POOLED_CHUNK_BYTES);
}

/** Gives a borrowed buffer back. Nobody may read from it any more. */
export function returnChunk(chunk: Chunk): void {
  if (chunk.bytes.length === POOLED_CHUNK_BYTES && pool.length < POOL_SIZE) pool.push(chunk);
}
