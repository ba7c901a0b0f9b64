import { FrameType, HEADER_BYTES, PIECE_BYTES, WHOLE_BYTES_MAX } from '../../frames/frame.js';
import { PIECE_HEADER_BYTES_MAX, pieceEnd, putPieceHeader } from '../../frames/piece-frames.js';
import { itemCost } from '../../frames/stream-frames.js';
import type { Output } from './output.js';

/** While more bytes than this are unwritten in the transport, no piece is added, so a small message never waits for more than this. */
const UNWRITTEN_MAX = 64 * 1024;

/** How many pieces a long message sends in one turn. */
const TURN_PIECES = 4;

/** A message with a longer body is long. A shorter one is sent in one turn, with nothing but small messages between its pieces. */
export const SHORT_BYTES_MAX: number = TURN_PIECES * PIECE_BYTES + 1024;

/**
 * How many messages take turns, a long one among them at most; others wait until one of them is done. A long message that has begun
 * must progress within the peer's `frameStallMs`: between two of its turns it waits for three short ones at most.
 */
const TAKING_TURNS_MAX = 4;

/** A waiting message, as one frame. */
interface Waiting {
  /** The parts of the frame; the first one begins with the header. */
  readonly parts: readonly Buffer[];
  readonly bodyBytes: number;
  /** How many bytes of its body have been sent. */
  sentBytes: number;
  /** How many pieces it has sent. */
  pieces: number;
}

/** Decides when pieces may go out. */
export interface PiecePass {
  /** Whether a piece may go out now. */
  mayGoOn(): boolean;
  /** A piece of `bytes` goes out. */
  take(bytes: number): void;
}

/** What dropping a call's messages from the queue removed. */
export interface DroppedMessages {
  /** Whether the peer has got the beginning of a message whose rest it will never get. */
  readonly isCut: boolean;
  /** The credit of the dropped items of which the peer has got nothing, in bytes. */
  readonly itemBytes: number;
}

/**
 * Large messages that wait to be sent in pieces, while few bytes are unwritten in the transport; small messages go between the pieces.
 * Long messages are sent one after the other, because the peer keeps the memory of each that has begun: with sixteen begun at once, of
 * 1 MiB each, its garbage collector took more time than everything else. The shorter ones need not wait for the end of a long one: they go
 * between its turns. The messages of one call, small ones included, stay in order.
 */
export class PieceQueue {
  readonly #output: Output;
  readonly #unwrittenBytes: () => number;
  readonly #credit: PiecePass;
  /** The messages that take turns, by id. After its turn a message goes to the end. */
  readonly #turns = new Map<number, Waiting[]>();
  /** The messages of calls that do not take turns yet, by id: nothing of their first message has been sent, and it is short. */
  readonly #short = new Map<number, Waiting[]>();
  /** The same with a long first message. */
  readonly #long = new Map<number, Waiting[]>();
  /** The id whose long message takes turns. */
  #longId: number | undefined;
  #bytes = 0;

  /**
   * @param unwrittenBytes - how many bytes the transport has not passed on yet
   * @param credit - decides when pieces may go out
   */
  constructor(output: Output, unwrittenBytes: () => number, credit: PiecePass) {
    this.#credit = credit;
    this.#output = output;
    this.#unwrittenBytes = unwrittenBytes;
  }

  get isEmpty(): boolean {
    return this.#turns.size + this.#short.size + this.#long.size === 0;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a frame of this id has to wait behind others. */
  has(id: number): boolean {
    return !this.isEmpty && this.#messagesOf(id) !== undefined;
  }

  #messagesOf(id: number): Waiting[] | undefined {
    return this.#turns.get(id) ?? this.#short.get(id) ?? this.#long.get(id);
  }

  /** Takes the frame that begins at `start` of the output and ends at its position. */
  add(start: number, id: number): void {
    const parts = this.#output.take(start);
    let frameBytes = 0;
    for (const part of parts) frameBytes += part.length;
    this.#bytes += frameBytes;
    const message: Waiting = { parts, bodyBytes: frameBytes - HEADER_BYTES, sentBytes: 0, pieces: 0 };
    const before = this.#messagesOf(id);
    if (before === undefined) this.#wait(id, [message]);
    else before.push(message);
  }

  /** Sends pieces until none are left, credit is used up, or enough bytes are unwritten. The pieces of one round are written together. */
  pump(): void {
    for (;;) {
      const room = UNWRITTEN_MAX - this.#unwrittenBytes();
      if (this.isEmpty || room < 0 || !this.#credit.mayGoOn()) return;
      const parts: Buffer[] = [];
      let bytes = 0;
      while (!this.isEmpty && bytes <= room && this.#credit.mayGoOn()) bytes += this.#nextTurn(parts);
      this.#output.write(parts, bytes);
    }
  }

  /** Adds the frame whose turn it is to `out`. Returns its length. */
  #nextTurn(out: Buffer[]): number {
    this.#admit();
    for (const [id, messages] of this.#turns) {
      const message = messages[0]!;
      const frameBytes = this.#takeFrame(message, out);
      const isDone = message.sentBytes === message.bodyBytes;
      if (!isDone && (!isLong(message) || message.pieces % TURN_PIECES !== 0)) return frameBytes;
      this.#turns.delete(id);
      if (!isDone) this.#turns.set(id, messages);
      else {
        this.#ended(id);
        messages.shift();
        if (messages.length > 0) this.#wait(id, messages);
      }
      return frameBytes;
    }
    return 0;
  }

  /** The call is over: drops its messages. */
  drop(id: number): DroppedMessages | undefined {
    const messages = this.#messagesOf(id);
    if (messages === undefined) return undefined;
    this.#turns.delete(id);
    this.#short.delete(id);
    this.#long.delete(id);
    this.#ended(id);
    let itemBytes = 0;
    for (const { parts, bodyBytes, sentBytes } of messages) {
      this.#bytes -= HEADER_BYTES + bodyBytes - sentBytes;
      if (sentBytes === 0 && parts[0]![4] === FrameType.ITEM) itemBytes += itemCost(bodyBytes);
    }
    return { isCut: messages[0]!.sentBytes > 0, itemBytes };
  }

  /** The connection is over. */
  clear(): void {
    this.#turns.clear();
    this.#short.clear();
    this.#long.clear();
    this.#longId = undefined;
    this.#bytes = 0;
  }

  /** The calls of the connection are over: drops their messages, except id 0, which is for one-way calls that have been confirmed. */
  dropCalls(): void {
    for (const id of [...this.#turns.keys(), ...this.#short.keys(), ...this.#long.keys()]) if (id !== 0) this.drop(id);
  }

  #wait(id: number, messages: Waiting[]): void {
    (isLong(messages[0]!) ? this.#long : this.#short).set(id, messages);
  }

  /** A message of this id is sent or dropped. */
  #ended(id: number): void {
    if (this.#longId === id) this.#longId = undefined;
  }

  /** Lets more messages take turns, up to the bounds. */
  #admit(): void {
    if (this.#longId === undefined && this.#turns.size < TAKING_TURNS_MAX) {
      for (const [id, messages] of this.#long) {
        this.#longId = id;
        this.#long.delete(id);
        this.#turns.set(id, messages);
        break;
      }
    }
    for (const [id, messages] of this.#short) {
      if (this.#turns.size >= TAKING_TURNS_MAX) return;
      this.#short.delete(id);
      this.#turns.set(id, messages);
    }
  }

  /** Adds the next frame of a message to `out`. Returns its length. */
  #takeFrame(message: Waiting, out: Buffer[]): number {
    const { parts, bodyBytes, sentBytes } = message;
    const isWhole = bodyBytes <= WHOLE_BYTES_MAX;
    const end = isWhole ? bodyBytes : pieceEnd(bodyBytes, sentBytes);
    message.sentBytes = end;
    message.pieces++;
    this.#bytes -= end - sentBytes + (end === bodyBytes ? HEADER_BYTES : 0);
    if (isWhole) {
      out.push(...parts);
      return HEADER_BYTES + bodyBytes;
    }
    const header = Buffer.allocUnsafe(PIECE_HEADER_BYTES_MAX);
    const start = putPieceHeader(header, header.length, parts[0]!, bodyBytes, sentBytes);
    this.#credit.take(header.length - start - HEADER_BYTES + end - sentBytes);
    out.push(header.subarray(start));
    addRange(parts, HEADER_BYTES + sentBytes, HEADER_BYTES + end, out);
    return header.length - start + end - sentBytes;
  }
}

function isLong({ bodyBytes }: Waiting): boolean {
  return bodyBytes > SHORT_BYTES_MAX;
}

/** Adds the bytes of a message between `from` and `to` to `out`. */
function addRange(parts: readonly Buffer[], from: number, to: number, out: Buffer[]): void {
  let at = 0;
  for (const part of parts) {
    const start = Math.max(0, from - at);
    const end = Math.min(part.length, to - at);
    if (start < end) out.push(start === 0 && end === part.length ? part : part.subarray(start, end));
    at += part.length;
  }
}
