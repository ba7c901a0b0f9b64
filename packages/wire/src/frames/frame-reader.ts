import { FrameType, GoAwayCode, HEADER_BYTES, PIECE_BYTES_MIN, ProtocolError } from './frame.js';
import { MessageMemory } from './message-memory.js';
import { readUint32 } from './numbers.js';
import { beginsPieces, PIECE_LENGTH_BYTES } from './piece-frames.js';

/** Who is told of the frames that a {@link FrameReader} finds. */
export interface FrameSink {
  /** The memory of the frame that is being given out, when nothing else will ever be written there: parts of it may be kept. */
  given: Buffer | undefined;
  /**
   * A whole frame; its body is `bytes[start, end)`, borrowed until this returns.
   * @throws ProtocolError when it may not come here
   */
  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void;
  /**
   * The beginning of a frame that is a piece of a message, borrowed like a whole one. What is still to come of it, `restBytes`, is given
   * to `further` as it comes.
   * @throws ProtocolError when it may not come here
   */
  part(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number, restBytes: number): void;
  /** The next bytes of the piece that has begun, borrowed until this returns. */
  further(bytes: Buffer, start: number, end: number): void;
  /** The header of a frame that is larger than a message may be. Its body is skipped. */
  oversized(type: number, flags: number, id: number, bodyBytes: number): void;
}

/** A frame or message beyond this multiple of the limit is not skipped: the connection closes. */
export const SKIP_FACTOR = 4;

/** Memory of a cut frame of so many bytes is given to whoever reads it; smaller memory is used again for the next one. */
const GIVEN_BYTES = 4 * 1024;

/** What the beginning of a piece must have to be given out before the rest has come. */
const PART_BYTES_MIN = PIECE_LENGTH_BYTES + PIECE_BYTES_MIN;

/**
 * Finds whole frames in chunks that may be cut anywhere. Frames that lie whole in a chunk are given out in place. Of what is cut, a piece
 * of a message is passed on as it comes, since it is put into its message anyway; anything else is copied, once, into memory that grows
 * with what has really arrived and never with what a header claims.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #bodyBytesMax: number;
  /** The header of the frame that was cut, as much as has come of it. */
  #header: Buffer = EMPTY;
  #headerBytes = 0;
  /** As much of its body as has come. */
  readonly #body = new MessageMemory();
  /** Whether its header is whole, and its body is not. */
  #isCut = false;
  /** The memory of the cut frame before, which is used again when several follow each other. */
  #spare: Buffer = EMPTY;
  #skipBytes = 0;
  /** How much of a piece is still to come whose beginning has been given out. */
  #pieceRestBytes = 0;
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
    return this.#headerBytes > 0 || this.#isCut || this.#skipBytes > 0 || this.#pieceRestBytes > 0;
  }

  /** Gives out no more frames, not even the rest of the chunk that is being read. */
  stop(): void {
    this.#stopped = true;
    this.#giving = false;
    this.#headerBytes = 0;
    this.#isCut = false;
    this.#pieceRestBytes = 0;
    this.#body.clear();
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
      } else if (this.#pieceRestBytes > 0) position = this.#further(bytes, position, end);
      else if (this.#isCut) position = this.#complete(bytes, position, end);
      else if (this.#headerBytes > 0 || end - position < HEADER_BYTES)
        position = this.#readHeader(bytes, position, end);
      else position = this.#begin(bytes, position, bytes, position + HEADER_BYTES, end);
    }
    // Copied, because the chunk is borrowed. It was read before reading was paused, so this is never much.
    if (position < end && !this.#stopped) this.#rest = Buffer.from(bytes.subarray(position, end));
    // A silent connection keeps no buffer.
    this.#spare = EMPTY;
  }

  /** Reads on in a header that is cut. Returns where to go on. */
  #readHeader(bytes: Buffer, start: number, end: number): number {
    if (this.#headerBytes === 0) this.#header = Buffer.allocUnsafe(HEADER_BYTES);
    const position = Math.min(end, start + HEADER_BYTES - this.#headerBytes);
    this.#headerBytes += bytes.copy(this.#header, this.#headerBytes, start, position);
    if (this.#headerBytes < HEADER_BYTES) return position;
    this.#headerBytes = 0;
    return this.#begin(this.#header, 0, bytes, position, end);
  }

  /** Reads the frame with the header at `at`, as far as its body has come. Returns where to go on. */
  #begin(header: Buffer, at: number, bytes: Buffer, bodyStart: number, end: number): number {
    const bodyBytes = readUint32(header, at);
    if (bodyBytes > this.#bodyBytesMax) {
      this.#skip(header, at, bodyBytes);
      return bodyStart;
    }
    const bodyEnd = bodyStart + bodyBytes;
    if (bodyEnd <= end) {
      this.#sink.frame(header[at + 4]!, header[at + 5]!, readUint32(header, at + 6), bytes, bodyStart, bodyEnd);
      return bodyEnd;
    }
    if (end - bodyStart >= PART_BYTES_MIN && isPiece(header, at)) {
      this.#givePart(header, at, bodyBytes, bytes, bodyStart, end);
      return end;
    }
    this.#header = header === bytes ? Buffer.from(header.subarray(at, at + HEADER_BYTES)) : header;
    this.#isCut = true;
    this.#body.reuse(this.#spare);
    this.#spare = EMPTY;
    this.#body.append(bytes, bodyStart, end, isPiece(this.#header, 0) ? PART_BYTES_MIN : bodyBytes);
    return end;
  }

  /** Takes the missing part of the cut frame from the chunk, and gives the frame out when it is complete. */
  #complete(bytes: Buffer, start: number, end: number): number {
    const header = this.#header;
    const body = this.#body;
    const bodyBytes = readUint32(header, 0);
    const awaited = isPiece(header, 0) ? Math.min(bodyBytes, PART_BYTES_MIN) : bodyBytes;
    const missing = awaited - body.receivedBytes;
    const position = Math.min(end, start + missing);
    body.append(bytes, start, position, awaited);
    if (end - start < missing) return position;
    this.#isCut = false;
    const whole = body.bytes;
    if (body.receivedBytes < bodyBytes) this.#givePart(header, 0, bodyBytes, whole, body.start, body.end);
    else {
      const isGiven = whole.length >= GIVEN_BYTES;
      if (isGiven) this.#sink.given = whole;
      this.#sink.frame(header[4]!, header[5]!, readUint32(header, 6), whole, body.start, body.end);
      this.#sink.given = undefined;
      if (!isGiven) this.#spare = whole;
    }
    body.clear();
    return position;
  }

  #givePart(header: Buffer, at: number, bodyBytes: number, bytes: Buffer, start: number, end: number): void {
    this.#pieceRestBytes = bodyBytes - (end - start);
    const id = readUint32(header, at + 6);
    this.#sink.part(header[at + 4]!, header[at + 5]!, id, bytes, start, end, this.#pieceRestBytes);
  }

  #further(bytes: Buffer, start: number, end: number): number {
    const position = Math.min(end, start + this.#pieceRestBytes);
    this.#pieceRestBytes -= position - start;
    this.#sink.further(bytes, start, position);
    return position;
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

/** Whether the frame with the header at `at` is a piece of a message. */
function isPiece(header: Buffer, at: number): boolean {
  const type = header[at + 4]!;
  return type === FrameType.CONTINUATION || beginsPieces(type, header[at + 5]!);
}

const EMPTY = Buffer.alloc(0);
const HTTP_LETTERS = 0x48545450;
