import { Attachments } from '../../codec/attachments.js';
import { allocateChunk, type Chunk, type EncodeTarget } from '../../codec/codec.js';
import type { ByteStream } from '../../transport/byte-stream.js';

/**
 * After this many messages or bytes the output is written without waiting for the end of the tick, unless its owner sets another number of
 * messages. Writing only once per tick would make the two sides take turns; writing each message costs 9 us. Measured: 1.6 to 2.2 times the
 * calls per second.
 */
const FLUSH_MESSAGES = 16;
/** In a chunk of 80 KiB this leaves room for one more message of the longest that is copied. */
const FLUSH_BYTES = 48 * 1024;

const NO_CHUNK: Chunk = { bytes: Buffer.alloc(0), view: new DataView(new ArrayBuffer(0)) };

/**
 * The bytes that a connection is about to send. Messages are encoded straight into a borrowed buffer, which is written to the stream after
 * some messages, and at the latest at the end of the tick.
 */
export class Output implements EncodeTarget {
  chunk: Chunk = NO_CHUNK;
  position = 0;
  /** Buffers that are sent with the frame appended last, without a copy. */
  readonly attachments = new Attachments();
  readonly #stream: ByteStream;
  readonly #onWrite: () => void;
  /** After how many messages the output is written. */
  flushMessages: number = FLUSH_MESSAGES;
  #messages = 0;
  #writtenBytes = 0;
  #scheduled = false;
  #held = false;
  #onWritten: (() => void)[] | undefined;

  /** @param onWrite - called after each write, to check how much the stream has queued */
  constructor(stream: ByteStream, onWrite: () => void) {
    this.#stream = stream;
    this.#onWrite = onWrite;
  }

  /** How many bytes the stream has taken so far. */
  get takenBytes(): number {
    return this.#writtenBytes - this.#stream.queuedBytes;
  }

  /** How many bytes were appended since `start`, attachments included. */
  bytesSince(start: number): number {
    return this.position - start + this.attachments.bytes;
  }

  /** Makes room for `bytes` at the position and returns the position. */
  reserve(bytes: number): number {
    if (this.chunk === NO_CHUNK) this.chunk = borrowChunk();
    if (this.position + bytes > this.chunk.bytes.length) this.#grow(bytes);
    return this.position;
  }

  /** Removes the bytes appended since `position`; an empty buffer goes back to the pool. */
  rollBack(position: number): void {
    if (this.attachments.bytes > 0) this.attachments.drop();
    this.position = position;
    if (position > 0 || this.chunk === NO_CHUNK) return;
    returnChunk(this.chunk);
    this.chunk = NO_CHUNK;
  }

  /**
   * Takes out the bytes appended since `start` and their attachments; the memory then belongs to the caller. A buffer that has
   * grown is given away whole, and the small part before `start` is copied instead.
   */
  take(start: number): Buffer[] {
    const { chunk, position, attachments } = this;
    if (attachments.bytes > 0 || chunk.bytes.length === POOLED_CHUNK_BYTES || position - start < start) {
      const copy = Buffer.from(chunk.bytes.subarray(start, position));
      attachments.move(0, -start);
      const parts = attachments.take(copy, 0, copy.length);
      this.rollBack(start);
      return parts;
    }
    this.chunk = NO_CHUNK;
    this.position = 0;
    if (start > 0) this.position = this.reserve(start) + chunk.bytes.copy(this.chunk.bytes, 0, 0, start);
    return [chunk.bytes.subarray(start, position)];
  }

  /**
   * Completes a message, which ends at the position.
   * @returns whether nothing reads from its attachments any more
   */
  commit(): boolean {
    const isEnough = ++this.#messages >= this.flushMessages || this.position >= FLUSH_BYTES;
    // Attachments belong to others: the sooner they are written, the better.
    if (isEnough || this.attachments.bytes > 0) return this.flush();
    if (!this.#scheduled && !this.#held) {
      this.#scheduled = true;
      process.nextTick(flushScheduled, this);
    }
    return true;
  }

  /** Runs when everything up to now has been given to the stream. */
  afterWritten(run: () => void): void {
    this.#onWritten ??= [];
    this.#onWritten.push(run);
  }

  /** Until `release`, messages need no scheduling: the reader of a chunk flushes at its end. */
  hold(): void {
    this.#held = true;
  }

  /** Ends `hold` and writes. */
  release(): void {
    this.#held = false;
    this.flush();
  }

  /** Writes what has been appended. Returns whether the stream has taken all of it. */
  flush(): boolean {
    const { chunk, position } = this;
    let isTaken = true;
    if (position > 0) {
      this.chunk = NO_CHUNK;
      this.position = 0;
      this.#messages = 0;
      const { attachments } = this;
      this.#writtenBytes += position + attachments.bytes;
      // A stream that has not taken everything still reads from the memory, and gives it back later or never.
      isTaken =
        attachments.bytes > 0
          ? this.#writeAll(attachments.take(chunk.bytes, 0, position), chunk)
          : this.#stream.write(chunk.bytes.subarray(0, position), chunk, returnChunk);
      if (isTaken) returnChunk(chunk);
      this.#onWrite();
    }
    const written = this.#onWritten;
    if (written !== undefined) {
      this.#onWritten = undefined;
      for (const run of written) run();
    }
    return isTaken;
  }

  /** Writes foreign memory after the appended bytes. The stream reads from it until nothing is queued. */
  write(parts: readonly Buffer[], bytes: number): void {
    this.flush();
    this.#writtenBytes += bytes;
    this.#writeAll(parts, undefined);
    this.#onWrite();
  }

  #writeAll(parts: readonly Buffer[], chunk: Chunk | undefined): boolean {
    const stream = this.#stream;
    const release = chunk === undefined ? undefined : returnChunk;
    if (stream.writeAll !== undefined) return stream.writeAll(parts, chunk as Chunk, release);
    let isTaken = true;
    for (const part of parts) isTaken = stream.write(part) && isTaken;
    return isTaken;
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

/**
 * After how many messages a client with `inFlight` calls writes. With half of the calls on their way, the server has work while the other half
 * is written, and each write carries as much as possible.
 */
export function clientFlushMessages(inFlight: number): number {
  return Math.max(FLUSH_MESSAGES, inFlight >> 1);
}

/** The same for a server, which does not know how many calls its client waits for. Answers made while it reads go out when it has read. */
export const SERVER_FLUSH_MESSAGES = 64;

function flushScheduled(output: Output): void {
  output.flushScheduled();
}

/** Large enough that one more ordinary message fits before a flush. */
export const POOLED_CHUNK_BYTES = 80 * 1024;

const POOL_SIZE = 32;

/** Output buffers of the process. A connection has one only while it has something to send: idle connections cost nothing. */
const pool: Chunk[] = [];

/** Borrows an output buffer. */
export function borrowChunk(): Chunk {
  return pool.pop() ?? allocateChunk(POOLED_CHUNK_BYTES);
}

/** Gives a borrowed buffer back. Nobody may read from it any more. */
export function returnChunk(chunk: Chunk): void {
  if (chunk.bytes.length === POOLED_CHUNK_BYTES && pool.length < POOL_SIZE) pool.push(chunk);
}
