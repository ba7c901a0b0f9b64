import { FrameType, HEADER_BYTES, PIECE_BYTES } from '../../frames/frame.js';
import { PIECE_HEADER_BYTES_MAX, pieceEnd, putPieceHeader } from '../../frames/piece-frames.js';
import { itemCost } from '../../frames/stream-frames.js';
import type { Output } from './output.js';

/** While more bytes than this are unwritten in the transport, no piece is added: so a small message never waits for more. */
const UNWRITTEN_MAX = 128 * 1024;

/**
 * How many messages take turns; others wait until one of them is done. Each message that has begun must go on within the peer's
 * `frameStallMs`, and on a slow line hundreds of them would not.
 */
const TAKING_TURNS_MAX = 16;

/** A message that waits, as one frame. */
interface Waiting {
  readonly frame: Buffer;
  /** How much of its body has been sent. */
  sentBytes: number;
}

/** What was taken out of the queue. */
export interface DroppedMessages {
  /** Whether the peer has got the beginning of a message whose rest it will never get. */
  readonly isCut: boolean;
  /** The credit of dropped items of which the peer has got nothing. */
  readonly itemBytes: number;
}

/**
 * Large messages that wait to be sent. Some of them take turns, one piece each, while little is unwritten in the transport: small
 * messages go between the pieces. The messages of one call, small ones included, stay in their order.
 */
export class PieceQueue {
  readonly #output: Output;
  readonly #unwrittenBytes: () => number;
  /** By id, those that take turns. After its turn a message goes to the end. */
  readonly #turns = new Map<number, Waiting[]>();
  /** By id, calls of whose first message nothing has been sent. */
  readonly #waiting = new Map<number, Waiting[]>();
  #bytes = 0;

  /** @param unwrittenBytes - what the transport has not passed on yet */
  constructor(output: Output, unwrittenBytes: () => number) {
    this.#output = output;
    this.#unwrittenBytes = unwrittenBytes;
  }

  get isEmpty(): boolean {
    return this.#turns.size + this.#waiting.size === 0;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a frame of this id has to wait behind others. */
  has(id: number): boolean {
    return this.#turns.has(id) || this.#waiting.has(id);
  }

  /** Takes the frame that begins at `start` of the output and ends at its position. */
  add(start: number, id: number): void {
    const frame = this.#output.take(start);
    this.#bytes += frame.length;
    const message: Waiting = { frame, sentBytes: 0 };
    const before = this.#turns.get(id) ?? this.#waiting.get(id);
    if (before === undefined) this.#waiting.set(id, [message]);
    else before.push(message);
  }

  /** Sends pieces until there are none, or enough is unwritten. */
  pump(): void {
    while (!this.isEmpty && this.#unwrittenBytes() <= UNWRITTEN_MAX) {
      this.#admit();
      for (const [id, messages] of this.#turns) {
        this.#turns.delete(id);
        const isDone = this.#sendTurn(messages[0]!);
        if (isDone) messages.shift();
        if (messages.length > 0) (isDone ? this.#waiting : this.#turns).set(id, messages);
        break;
      }
    }
  }

  /** The call is over: nothing of it is sent any more. */
  drop(id: number): DroppedMessages | undefined {
    const messages = this.#turns.get(id) ?? this.#waiting.get(id);
    if (messages === undefined) return undefined;
    this.#turns.delete(id);
    this.#waiting.delete(id);
    let itemBytes = 0;
    for (const { frame, sentBytes } of messages) {
      this.#bytes -= frame.length - sentBytes;
      if (sentBytes === 0 && frame[4] === FrameType.ITEM) itemBytes += itemCost(frame.length - HEADER_BYTES);
    }
    return { isCut: messages[0]!.sentBytes > 0, itemBytes };
  }

  /** The connection is over. */
  clear(): void {
    this.#turns.clear();
    this.#waiting.clear();
    this.#bytes = 0;
  }

  /** The calls of the connection are over. What has the id 0 is of none: one-way calls, which have been confirmed. */
  dropCalls(): void {
    for (const id of [...this.#turns.keys(), ...this.#waiting.keys()]) if (id !== 0) this.drop(id);
  }

  /** Lets more messages take turns, up to the bound. */
  #admit(): void {
    for (const [id, messages] of this.#waiting) {
      if (this.#turns.size >= TAKING_TURNS_MAX) return;
      this.#waiting.delete(id);
      this.#turns.set(id, messages);
    }
  }

  /** Sends one frame of a message. Returns whether it was the last. */
  #sendTurn(message: Waiting): boolean {
    const { frame, sentBytes } = message;
    const bodyBytes = frame.length - HEADER_BYTES;
    const isWhole = bodyBytes <= PIECE_BYTES;
    message.sentBytes = isWhole ? bodyBytes : pieceEnd(bodyBytes, sentBytes);
    if (isWhole) this.#output.write(frame);
    else this.#sendPiece(frame, sentBytes, message.sentBytes);
    const isLast = message.sentBytes === bodyBytes;
    this.#bytes -= message.sentBytes - sentBytes + (isLast ? HEADER_BYTES : 0);
    return isLast;
  }

  #sendPiece(frame: Buffer, from: number, to: number): void {
    const output = this.#output;
    const end = HEADER_BYTES + to;
    if (from > 0 && this.#unwrittenBytes() === 0) {
      // What was sent is not read any more: the header may overwrite its last bytes.
      output.write(frame.subarray(putPieceHeader(frame, HEADER_BYTES + from, frame, from), end));
    } else {
      const header = Buffer.allocUnsafe(PIECE_HEADER_BYTES_MAX);
      output.write(header.subarray(putPieceHeader(header, header.length, frame, from)));
      output.write(frame.subarray(HEADER_BYTES + from, end));
    }
  }
}
