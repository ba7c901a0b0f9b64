import { FrameType, GoAwayCode, MORE, PIECE_BYTES_MIN, ProtocolError } from '../../frames/frame.js';
import { type FrameSink, SKIP_FACTOR } from '../../frames/frame-reader.js';
import { MessageMemory } from '../../frames/message-memory.js';
import { readUint32 } from '../../frames/numbers.js';
import { beginsPieces, PIECE_LENGTH_BYTES } from '../../frames/piece-frames.js';
import type { ChannelOwner } from './channel-owner.js';

/**
 * How many unwanted messages are remembered, of which pieces may still come; beyond that, those silent for longest are forgotten.
 * Every call of a connection may have one.
 */
const UNWANTED_MAX = 4096;

interface Unfinished {
  readonly type: number;
  readonly flags: number;
  readonly bodyBytes: number;
  readonly memory: MessageMemory;
  readonly beganAt: number;
  progressAt: number;
}

/** A piece that has begun and is not yet whole. */
interface OpenPiece {
  /** Its message; `undefined` once nobody wants the message. */
  message: Unfinished | undefined;
  readonly id: number;
  readonly isLast: boolean;
  readonly pieceBytes: number;
  restBytes: number;
}

/**
 * Joins messages that arrive in pieces. A message is judged by the length that its first piece announces; unwanted messages
 * are counted and discarded. It knows nothing of calls.
 */
export class Assembler {
  readonly #owner: Pick<ChannelOwner, 'announced' | 'grew' | 'oversized' | 'frame'>;
  readonly #messageBytes: number;
  readonly #ignore: (what: string) => void;
  readonly #sink: Pick<FrameSink, 'given'>;
  readonly #unfinished = new Map<number, Unfinished>();
  /** How many bytes may still come of each unwanted message, by id. */
  readonly #unwanted = new Map<number, number>();
  #piece: OpenPiece | undefined;

  /**
   * @param owner - receives the messages
   * @param messageBytes - the length of the longest message that is accepted
   * @param ignore - counts frames that are harmless by themselves, and throws a ProtocolError when there are too many
   * @param sink - its `given` is set when a message's memory is handed over with the message
   */
  constructor(
    owner: Pick<ChannelOwner, 'announced' | 'grew' | 'oversized' | 'frame'>,
    messageBytes: number,
    ignore: (what: string) => void,
    sink: Pick<FrameSink, 'given'>,
  ) {
    this.#owner = owner;
    this.#messageBytes = messageBytes;
    this.#ignore = ignore;
    this.#sink = sink;
  }

  /** Whether no message is unfinished. */
  get isEmpty(): boolean {
    return this.#unfinished.size === 0;
  }

  /**
   * Looks at a frame of a call. Returns whether it was a piece: other frames are left to the owner.
   * @param restBytes - how many bytes of a piece have not come yet and will be given to `further`
   * @throws ProtocolError when the frame cannot be a piece of its message, or stands between the pieces of a message
   */
  takes(
    type: number,
    flags: number,
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
    now: number,
    restBytes = 0,
  ): boolean {
    const isFurther = type === FrameType.CONTINUATION;
    if (!isFurther) {
      if (this.#unfinished.size > 0) this.#interrupt(type, id);
      if (!beginsPieces(type, flags)) return false;
    }
    const message = isFurther
      ? this.#continue(flags, id, end - start + restBytes)
      : this.#begin(type, flags, id, bytes, start, end + restBytes, now);
    const contentStart = isFurther ? start : start + PIECE_LENGTH_BYTES;
    const pieceBytes = end - contentStart + restBytes;
    const piece = { message, id, isLast: isFurther && (flags & MORE) === 0, pieceBytes, restBytes };
    this.#piece = restBytes > 0 ? piece : undefined;
    this.#append(piece, bytes, contentStart, end, now);
    return true;
  }

  /** Takes the next bytes of a piece whose beginning `takes` has got. */
  further(bytes: Buffer, start: number, end: number, now: number): void {
    const piece = this.#piece;
    if (piece === undefined) return;
    piece.restBytes -= end - start;
    if (piece.restBytes === 0) this.#piece = undefined;
    this.#append(piece, bytes, start, end, now);
  }

  /**
   * Looks at the header of a frame that is skipped because it is larger than a message may be. Returns whether it was a further piece.
   * @throws ProtocolError when the piece is wanted, or the frame stands between the pieces of a message
   */
  takesSkipped(type: number, flags: number, id: number, frameBytes: number): boolean {
    if (type === FrameType.CONTINUATION) {
      if (this.#unfinished.has(id)) throw new ProtocolError(`a piece of ${frameBytes} bytes`, GoAwayCode.LIMIT);
      this.#skip(id, frameBytes, (flags & MORE) === 0);
      return true;
    }
    this.#interrupt(type, id);
    // The length of the whole message remains unknown.
    if (beginsPieces(type, flags)) this.#discard(id, SKIP_FACTOR * this.#messageBytes - frameBytes);
    return false;
  }

  /** Discards the unfinished message of this id. Returns whether one existed. */
  drop(id: number): boolean {
    const message = this.#unfinished.get(id);
    if (message === undefined) return false;
    this.#unfinished.delete(id);
    let restBytes = message.bodyBytes - message.memory.receivedBytes;
    const piece = this.#piece;
    if (piece?.message === message) {
      // The rest of this piece is discarded, and further pieces count as unwanted.
      piece.message = undefined;
      restBytes -= piece.restBytes;
      if (piece.isLast) return true;
    }
    this.#discard(id, restBytes);
    return true;
  }

  /** Whether a message has made no progress for `stallMs`. While nothing is read (`isReading` false) no message can progress. */
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
    this.#piece = undefined;
  }

  /** A message begins with a piece whose body is `bytes[start, end)`. Returns the message if it is wanted. */
  #begin(
    type: number,
    flags: number,
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
    now: number,
  ): Unfinished | undefined {
    const pieceBytes = end - start - PIECE_LENGTH_BYTES;
    if (pieceBytes < 0) throw new ProtocolError('the first piece of a message is cut short');
    const bodyBytes = readUint32(bytes, start);
    if (pieceBytes >= bodyBytes) {
      const reason = `a first piece of ${pieceBytes} bytes of a message of ${bodyBytes}, and MORE to follow`;
      throw new ProtocolError(reason);
    }
    this.#judge(pieceBytes);
    if (bodyBytes > SKIP_FACTOR * this.#messageBytes) {
      const reason = `a message of ${bodyBytes} bytes is far beyond the limit of ${this.#messageBytes} (messageBytes)`;
      throw new ProtocolError(reason, GoAwayCode.LIMIT);
    }
    const rest = bodyBytes - pieceBytes;
    if (bodyBytes > this.#messageBytes) {
      this.#discard(id, rest);
      this.#owner.oversized(type, flags, id, bodyBytes);
      return undefined;
    }
    if (!this.#owner.announced(type, flags, id, bodyBytes)) {
      this.#discard(id, rest);
      return undefined;
    }
    const message = { type, flags, bodyBytes, memory: new MessageMemory(), beganAt: now, progressAt: now };
    this.#unfinished.set(id, message);
    return message;
  }

  /** A further piece of `pieceBytes` begins. Returns its message if the message is wanted. */
  #continue(flags: number, id: number, pieceBytes: number): Unfinished | undefined {
    const isLast = (flags & MORE) === 0;
    const message = this.#unfinished.get(id);
    if (!isLast) this.#judge(pieceBytes);
    if (message === undefined) {
      this.#skip(id, pieceBytes, isLast);
      return undefined;
    }
    const { bodyBytes } = message;
    const received = message.memory.receivedBytes + pieceBytes;
    if (received > bodyBytes || (received === bodyBytes && !isLast))
      throw new ProtocolError(`the pieces of a message of call ${id} are more than the ${bodyBytes} bytes announced`);
    if (received < bodyBytes && isLast)
      throw new ProtocolError(`the pieces of a message of call ${id} end after ${received} of ${bodyBytes} bytes`);
    return message;
  }

  /** Adds the next bytes of a piece to its message, and gives the message to the owner when it is whole. */
  #append(piece: OpenPiece, bytes: Buffer, start: number, end: number, now: number): void {
    const { message, id } = piece;
    if (message === undefined) return;
    const { memory, type, bodyBytes } = message;
    memory.append(bytes, start, end, bodyBytes);
    if (piece.restBytes === 0 && piece.pieceBytes >= PIECE_BYTES_MIN) message.progressAt = now;
    if (piece.restBytes > 0 || !piece.isLast) {
      if (this.#owner.grew?.(type, message.flags, id, end - start) === false) this.drop(id);
      return;
    }
    this.#unfinished.delete(id);
    // The remaining time that a request states counts from the piece that states it.
    const readAt = type === FrameType.REQUEST ? message.beganAt : now;
    this.#sink.given = memory.bytes;
    this.#owner.frame(type, message.flags, id, memory.bytes, memory.start, memory.end, readAt);
    this.#sink.given = undefined;
  }

  /** CANCEL ends an unfinished message. CREDIT may stand between its pieces; no other frame of its id may. */
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
