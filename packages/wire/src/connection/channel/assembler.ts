import { FrameType, GoAwayCode, MORE, PIECE_BYTES_MIN, ProtocolError } from '../../frames/frame.js';
import { readUint32, SKIP_FACTOR } from '../../frames/frame-reader.js';
import { beginsPieces } from '../../frames/piece-frames.js';
import type { ChannelOwner } from './channel-owner.js';

/**
 * Messages of which pieces may still come that nobody wants; beyond so many, those that have been silent longest are forgotten.
 * Every call that a connection carries may be one.
 */
const UNWANTED_MAX = 4096;

interface Unfinished {
  readonly type: number;
  readonly flags: number;
  readonly bodyBytes: number;
  /** Grows with what has really arrived, never with what was announced. */
  bytes: Buffer;
  receivedBytes: number;
  readonly beganAt: number;
  progressAt: number;
}

/**
 * Joins messages that arrive in pieces. A message is judged by the length that its first piece announces; what nobody wants
 * is counted and thrown away. It knows nothing of calls.
 */
export class Assembler {
  readonly #owner: Pick<ChannelOwner, 'announced' | 'oversized' | 'frame'>;
  readonly #messageBytes: number;
  readonly #ignore: (what: string) => void;
  readonly #unfinished = new Map<number, Unfinished>();
  /** How many bytes may still come of messages that nobody wants. */
  readonly #unwanted = new Map<number, number>();

  /**
   * @param owner - whom messages are for
   * @param messageBytes - of the longest message that is taken
   * @param ignore - counts what is harmless by itself, and throws a ProtocolError when there is too much of it
   */
  constructor(
    owner: Pick<ChannelOwner, 'announced' | 'oversized' | 'frame'>,
    messageBytes: number,
    ignore: (what: string) => void,
  ) {
    this.#owner = owner;
    this.#messageBytes = messageBytes;
    this.#ignore = ignore;
  }

  /** Whether no message is unfinished. */
  get isEmpty(): boolean {
    return this.#unfinished.size === 0;
  }

  /**
   * Looks at a frame of a call. Returns whether it was a piece: all others are left to the owner.
   * @throws ProtocolError when it can't be a piece of what it says, or stands between the pieces of a message
   */
  takes(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number, now: number): boolean {
    const isFurther = type === FrameType.CONTINUATION;
    if (isFurther) this.#continue(flags, id, bytes.subarray(start, end), now);
    else {
      if (this.#unfinished.size > 0) this.#interrupt(type, id);
      if (!beginsPieces(type, flags)) return false;
      this.#begin(type, flags, id, bytes.subarray(start, end), now);
    }
    return true;
  }

  /**
   * Looks at the header of a frame that is larger than a message may be, and is skipped. Returns whether it was a further piece.
   * @throws ProtocolError when somebody waits for that piece, or it stands between the pieces of a message
   */
  takesSkipped(type: number, flags: number, id: number, frameBytes: number): boolean {
    if (type === FrameType.CONTINUATION) {
      if (this.#unfinished.has(id)) throw new ProtocolError(`a piece of ${frameBytes} bytes`, GoAwayCode.LIMIT);
      this.#skip(id, frameBytes, (flags & MORE) === 0);
      return true;
    }
    this.#interrupt(type, id);
    // How long the whole is remains unknown.
    if (beginsPieces(type, flags)) this.#discard(id, SKIP_FACTOR * this.#messageBytes - frameBytes);
    return false;
  }

  /** Nobody wants the unfinished message of this id any more, if there is one. Returns whether there was. */
  drop(id: number): boolean {
    const message = this.#unfinished.get(id);
    if (message === undefined) return false;
    this.#unfinished.delete(id);
    this.#discard(id, message.bodyBytes - message.receivedBytes);
    return true;
  }

  /** Whether a message has made no progress for so long. While nothing is read none can: `isReading` is false then. */
  isStalled(isReading: boolean, now: number, stallMs: number): boolean {
    for (const message of this.#unfinished.values()) {
      if (!isReading) message.progressAt = now;
      else if (now - message.progressAt > stallMs) return true;
    }
    return false;
  }

  /** The connection is over. */
  clear(): void {
    this.#unfinished.clear();
    this.#unwanted.clear();
  }

  #begin(type: number, flags: number, id: number, body: Buffer, now: number): void {
    if (body.length < 4) throw new ProtocolError('the first piece of a message is cut short');
    const bodyBytes = readUint32(body, 0);
    const piece = body.subarray(4);
    if (piece.length >= bodyBytes) {
      const reason = `a first piece of ${piece.length} bytes of a message of ${bodyBytes}, and MORE to follow`;
      throw new ProtocolError(reason);
    }
    this.#judge(piece.length);
    if (bodyBytes > SKIP_FACTOR * this.#messageBytes) {
      const reason = `a message of ${bodyBytes} bytes is far beyond the limit of ${this.#messageBytes} (messageBytes)`;
      throw new ProtocolError(reason, GoAwayCode.LIMIT);
    }
    const rest = bodyBytes - piece.length;
    if (bodyBytes > this.#messageBytes) {
      this.#discard(id, rest);
      return this.#owner.oversized(type, flags, id, bodyBytes);
    }
    if (!this.#owner.announced(type, flags, id, bodyBytes)) return this.#discard(id, rest);
    const message = { type, flags, bodyBytes, bytes: EMPTY, receivedBytes: 0, beganAt: now, progressAt: now };
    append(message, piece);
    this.#unfinished.set(id, message);
  }

  #continue(flags: number, id: number, piece: Buffer, now: number): void {
    const isLast = (flags & MORE) === 0;
    const message = this.#unfinished.get(id);
    if (!isLast) this.#judge(piece.length);
    if (message === undefined) return this.#skip(id, piece.length, isLast);
    const { type, bodyBytes } = message;
    const received = message.receivedBytes + piece.length;
    if (received > bodyBytes || (received === bodyBytes && !isLast))
      throw new ProtocolError(`the pieces of a message of call ${id} are more than the ${bodyBytes} bytes announced`);
    if (received < bodyBytes && isLast)
      throw new ProtocolError(`the pieces of a message of call ${id} end after ${received} of ${bodyBytes} bytes`);
    append(message, piece);
    if (piece.length >= PIECE_BYTES_MIN) message.progressAt = now;
    if (!isLast) return;
    this.#unfinished.delete(id);
    // The time that a request says is left counts from the piece that says it.
    const readAt = type === FrameType.REQUEST ? message.beganAt : now;
    this.#owner.frame(type, message.flags, id, message.bytes, 0, bodyBytes, readAt);
  }

  /** CANCEL ends an unfinished message, CREDIT may stand between its pieces, no other frame of its id may. */
  #interrupt(type: number, id: number): void {
    if (type === FrameType.CREDIT || !this.#unfinished.has(id)) return;
    if (type !== FrameType.CANCEL)
      throw new ProtocolError(`a frame of type ${type} between the pieces of a message of call ${id}`);
    this.drop(id);
  }

  #judge(pieceBytes: number): void {
    if (pieceBytes < PIECE_BYTES_MIN) this.#ignore(`a piece of ${pieceBytes} bytes`);
  }

  #discard(id: number, bytes: number): void {
    this.#unwanted.delete(id);
    this.#unwanted.set(id, bytes);
    if (this.#unwanted.size > UNWANTED_MAX)
      for (const oldest of this.#unwanted.keys()) return void this.#unwanted.delete(oldest);
  }

  #skip(id: number, pieceBytes: number, isLast: boolean): void {
    const rest = this.#unwanted.get(id);
    if (rest === undefined) throw new ProtocolError(`a CONTINUATION of call ${id}, of which no message has begun`);
    if (pieceBytes > rest || (pieceBytes === rest && !isLast))
      throw new ProtocolError(`the pieces of a message of call ${id} are more than the bytes announced`);
    if (isLast) this.#unwanted.delete(id);
    else this.#discard(id, rest - pieceBytes);
  }
}

/** Growing by factors keeps what is copied linear in what arrives, and the memory within four times of it. */
function append(message: Unfinished, piece: Buffer): void {
  const needed = message.receivedBytes + piece.length;
  if (needed > message.bytes.length) {
    const larger = Buffer.allocUnsafeSlow(Math.min(message.bodyBytes, Math.max(4 * message.bytes.length, needed)));
    message.bytes.copy(larger, 0, 0, message.receivedBytes);
    message.bytes = larger;
  }
  piece.copy(message.bytes, message.receivedBytes);
  message.receivedBytes = needed;
}

const EMPTY = Buffer.alloc(0);
