import { GoAwayCode, HEADER_BYTES, ProtocolError } from './frame.js';

/** Who is told of the frames that a {@link FrameReader} finds. */
export interface FrameSink {
  /**
   * A whole frame; its body is `bytes[start, end)`, borrowed until this returns.
   * @throws ProtocolError when it may not come here
   */
  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void;
  /** The header of a frame that is larger than a message may be. Its body is skipped. */
  oversized(type: number, flags: number, id: number, bodyBytes: number): void;
}

/** A frame or message beyond this multiple of the limit is not skipped: the connection closes. */
export const SKIP_FACTOR = 4;

/** The largest buffer that is kept for the next cut frame, in bytes. */
const SPARE_BYTES_MAX = 256 * 1024;

/**
 * Finds whole frames in chunks that may be cut anywhere. Frames that lie whole in a chunk are given out in place; only what
 * is cut is copied, once, into a buffer that grows with what has really arrived and never with what a header claims.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #bodyBytesMax: number;
  /** A frame that was cut: its header and as much of its body as has come. */
  #partial: Buffer = EMPTY;
  #partialBytes = 0;
  /** The buffer of the cut frame before, which is used again when several follow each other. */
  #spare: Buffer = EMPTY;
  #skipBytes = 0;
  /** What came while nothing was to be given out: whole chunks, or the rest of one. */
  #rest: Buffer = EMPTY;
  #giving = true;
  #stopped = false;

  constructor(sink: FrameSink, bodyBytesMax: number) {
    this.#sink = sink;
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Whether a frame has begun and not ended: what the stall timer asks. */
  get isInsideFrame(): boolean {
    return this.#partialBytes > 0 || this.#skipBytes > 0;
  }

  /** Gives out no more frames, not even the rest of the chunk that is being read. */
  stop(): void {
    this.#stopped = true;
    this.#giving = false;
    this.#partial = EMPTY;
    this.#partialBytes = 0;
    this.#rest = EMPTY;
  }

  /** Gives out nothing for now: what has come and is still to come is kept. */
  hold(): void {
    this.#giving = false;
  }

  /** Ends `hold`: the next `push`, which may be empty, begins with what was kept. */
  release(): void {
    this.#giving = !this.#stopped;
  }

  /**
   * Reads `chunk` from `start` to its end.
   * @throws ProtocolError from the sink, or when a frame is beyond every bound
   */
  push(chunk: Buffer, start = 0): void {
    let bytes = chunk;
    let position = start;
    if (this.#rest.length > 0) {
      bytes = Buffer.concat([this.#rest, chunk.subarray(start)]);
      position = 0;
      this.#rest = EMPTY;
    }
    const end = bytes.length;
    while (position < end && this.#giving) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, end - position);
        this.#skipBytes -= skipped;
        position += skipped;
      } else if (this.#partialBytes > 0) {
        position = this.#complete(bytes, position, end);
      } else {
        if (end - position < HEADER_BYTES) return this.#keep(bytes, position, end);
        const bodyBytes = readUint32(bytes, position);
        const bodyStart = position + HEADER_BYTES;
        if (bodyBytes > this.#bodyBytesMax) {
          this.#skip(bytes, position, bodyBytes);
          position = bodyStart;
        } else if (end - bodyStart < bodyBytes) {
          return this.#keep(bytes, position, end);
        } else {
          position = bodyStart + bodyBytes;
          this.#sink.frame(
            bytes[bodyStart - 6]!,
            bytes[bodyStart - 5]!,
            readUint32(bytes, bodyStart - 4),
            bytes,
            bodyStart,
            position,
          );
        }
      }
    }
    // Copied, because the chunk is borrowed. It was read before reading was paused, so this is never much.
    if (position < end && !this.#stopped) this.#rest = Buffer.from(bytes.subarray(position, end));
    this.#spare = EMPTY;
  }

  /** Takes the missing part of the cut frame from the chunk, and gives the frame out when it is complete. */
  #complete(bytes: Buffer, start: number, end: number): number {
    let position = start;
    if (this.#partialBytes < HEADER_BYTES) {
      position += this.#append(bytes, position, Math.min(end, position + HEADER_BYTES - this.#partialBytes));
      if (this.#partialBytes < HEADER_BYTES) return position;
    }
    const partial = this.#partial;
    const bodyBytes = readUint32(partial, 0);
    if (bodyBytes > this.#bodyBytesMax) {
      this.#partialBytes = 0;
      this.#skip(partial, 0, bodyBytes);
      return position;
    }
    const frameBytes = HEADER_BYTES + bodyBytes;
    position += this.#append(bytes, position, Math.min(end, position + frameBytes - this.#partialBytes));
    if (this.#partialBytes === frameBytes) {
      const whole = this.#partial;
      this.#partial = EMPTY;
      this.#partialBytes = 0;
      this.#sink.frame(whole[4]!, whole[5]!, readUint32(whole, 6), whole, HEADER_BYTES, frameBytes);
      // Only until the end of this chunk: a silent connection keeps no buffer.
      if (whole.length <= SPARE_BYTES_MAX) this.#spare = whole;
    }
    return position;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    this.#append(bytes, start, end);
  }

  /** Doubling keeps a peer that sends single bytes from costing more than linear time and twice its bytes. */
  #append(bytes: Buffer, start: number, end: number): number {
    const count = end - start;
    const needed = this.#partialBytes + count;
    if (needed > this.#partial.length) {
      const isSpareEnough = this.#spare.length >= needed;
      const larger = isSpareEnough
        ? this.#spare
        : Buffer.allocUnsafeSlow(Math.max(256, 2 * this.#partial.length, needed));
      this.#spare = EMPTY;
      this.#partial.copy(larger, 0, 0, this.#partialBytes);
      this.#partial = larger;
    }
    bytes.copy(this.#partial, this.#partialBytes, start, end);
    this.#partialBytes = needed;
    return count;
  }

  #skip(header: Buffer, at: number, bodyBytes: number): void {
    // For example, the letters of `HTTP/1.1 400 Bad Request` would be such a length.
    if (bodyBytes === HTTP_LETTERS)
      throw new ProtocolError(
        'an HTTP server answers there, which speaks another protocol; is the port right?',
        GoAwayCode.LIMIT,
      );
    if (bodyBytes > SKIP_FACTOR * this.#bodyBytesMax) {
      throw new ProtocolError(
        `a frame of ${bodyBytes} bytes is far beyond the limit of ${this.#bodyBytesMax} (messageBytes)`,
        GoAwayCode.LIMIT,
      );
    }
    this.#skipBytes = bodyBytes;
    this.#sink.oversized(header[at + 4]!, header[at + 5]!, readUint32(header, at + 6), bodyBytes);
  }
}

const EMPTY = Buffer.alloc(0);
const HTTP_LETTERS = 0x48545450;

/** Big-endian, without the argument checks of `readUInt32BE`: the caller knows that the bytes are there. */
export function readUint32(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Big-endian, unchecked, see {@link readUint32}. */
export function readUint16(bytes: Buffer, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
