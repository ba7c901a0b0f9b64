import type { Limits } from '@org/rpc-core';
import { HEADER_BYTES, WHOLE_BYTES_MAX } from '../../frames/frame.js';
import type { ByteStream } from '../../transport/byte-stream.js';
import type { Holding } from './held-memory.js';
import { Output } from './output.js';
import { PieceCredit } from './piece-credit.js';
import { type DroppedMessages, PieceQueue } from './piece-queue.js';
import { StallWatch } from './stall-watch.js';

/**
 * Everything that a connection writes: small messages go straight to the stream, large ones in pieces. While too much waits to be
 * written, a server reads nothing, because reading would only cause more to write. A client reads on: what comes are its answers, and two
 * ends that both wait for the other to read would wait for ever.
 */
export class WriteQueue {
  readonly output: Output;
  readonly #stream: ByteStream;
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #onFull: () => void;
  readonly #readsWhileFull: boolean;
  readonly #pieces: PieceQueue;
  readonly #stalls = new StallWatch();
  readonly #credit = new PieceCredit();
  #held: Holding | undefined;
  #isEnding = false;
  #hasPeerEnded = false;

  /**
   * @param onFull - called when reading is paused: bytes that have already been read must not be handled either
   * @param held - what waits counts for all connections of a server together
   * @param readsWhileFull - whether reading goes on however much waits to be written (default false)
   */
  constructor(
    stream: ByteStream,
    limits: Limits,
    now: () => number,
    onFull: () => void,
    held?: Holding,
    readsWhileFull = false,
  ) {
    this.#held = held;
    this.#stream = stream;
    this.#limits = limits;
    this.#now = now;
    this.#onFull = onFull;
    this.#readsWhileFull = readsWhileFull;
    this.output = new Output(stream, () => this.#watch());
    this.#pieces = new PieceQueue(this.output, () => stream.queuedBytes, {
      mayGoOn: () => this.#mayGoOn,
      take: (bytes) => this.#credit.take(bytes),
    });
  }

  /** Whether more than `writeQueueBytes` waits to be written: nothing should be added. */
  get isFull(): boolean {
    return this.#stalls.isFull;
  }

  /** Whether bytes of the peer are read, for all that waits to be written. */
  get isReading(): boolean {
    return this.#readsWhileFull || !this.isFull;
  }

  /** Whether no message waits for its turn. */
  get isEmpty(): boolean {
    return this.#pieces.isEmpty;
  }

  /** How many bytes wait to be written. */
  get waitingBytes(): number {
    return this.#stream.queuedBytes + this.#pieces.bytes;
  }

  /** Completes the frame that begins at `start` of the output and ends at its position. */
  commit(start: number, id: number): void {
    if (this.#goesWhole(start, id)) this.output.commit();
    else this.#queue(start, id);
  }

  /**
   * The same for a frame whose attachments may be used again by whom they belong to: what is sent later is copied.
   * @param release - runs when nothing reads from them any more
   * @returns whether that is so already; `release` does not run then
   */
  commitLent(start: number, id: number, release: () => void): boolean {
    const { output } = this;
    const stream = this.#stream;
    const goesWhole = this.#goesWhole(start, id);
    if (goesWhole && stream.whenTaken !== undefined) {
      if (output.commit()) return true;
      stream.whenTaken(release);
      return false;
    }
    output.attachments.own();
    if (goesWhole) output.commit();
    else this.#queue(start, id);
    return true;
  }

  #goesWhole(start: number, id: number): boolean {
    return this.output.bytesSince(start) <= HEADER_BYTES + WHOLE_BYTES_MAX && !this.#pieces.has(id);
  }

  #queue(start: number, id: number): void {
    this.#pieces.add(start, id);
    this.#pump();
    this.output.flush();
    this.#watch();
  }

  /** The peer's HELLO: how many bytes of pieces it takes before it grants more; `undefined` when it grants none. */
  greeted(pieceCredit: number | undefined): void {
    this.#credit.greeted(pieceCredit);
  }

  /** The peer grants `bytes` more for pieces. Returns whether it had reason to. @throws ProtocolError when the credit overflows */
  granted(bytes: number): boolean {
    const isDue = this.#credit.granted(bytes);
    this.#pump();
    return isDue;
  }

  /** The peer will send nothing more, so it will grant nothing more. */
  peerEnded(): void {
    this.#hasPeerEnded = true;
    this.#pump();
  }

  /** Whether pieces may go out. A side that does not read gets no grants, so it goes on without credit. */
  get #mayGoOn(): boolean {
    return this.#credit.isOpen || !this.isReading || this.#isEnding || this.#hasPeerEnded;
  }

  /** Drops the waiting messages of a call. */
  drop(id: number): DroppedMessages | undefined {
    const dropped = this.#pieces.drop(id);
    if (dropped !== undefined) this.#pump();
    return dropped;
  }

  /** The stream has passed on its bytes. Returns whether the queue was full and no longer is. */
  drained(): boolean {
    this.#pump();
    this.#countHeld(this.waitingBytes);
    if (!this.isFull || 2 * this.waitingBytes > this.#limits.writeQueueBytes || this.#isBeyondShare) return false;
    this.#stalls.drained();
    return true;
  }

  /** Nothing more will be added: ends the stream when everything is written. */
  end(): void {
    this.#isEnding = true;
    this.#pump();
  }

  /** Sends only what has been appended and the one-way calls that wait, then ends the stream: drops every other waiting message. */
  endNow(): void {
    this.dropCalls();
    this.end();
  }

  /** Drops the waiting messages of calls that are over: every message except those of one-way calls. */
  dropCalls(): void {
    this.#pieces.dropCalls();
  }

  /** The connection is over. */
  clear(): void {
    this.#pieces.clear();
    this.#held?.add(-this.#held.bytes);
    this.#held = undefined;
  }

  /** Returns whether the peer has read nothing for too long. */
  isStalled(now: number): boolean {
    return this.#stalls.isWriteStalled(this.output.takenBytes, now, this.#limits.writeStallMs);
  }

  #pump(): void {
    this.#pieces.pump();
    if (!this.#isEnding || !this.#pieces.isEmpty) return;
    this.output.flush();
    this.#stream.end();
  }

  #watch(): void {
    const { waitingBytes } = this;
    this.#countHeld(waitingBytes);
    if (this.#isEnding || this.isFull) return;
    if (waitingBytes <= this.#limits.writeQueueBytes && !this.#isBeyondShare) return;
    this.#stalls.full(this.output.takenBytes, this.#now());
    if (!this.#readsWhileFull) {
      this.#onFull();
      this.#stream.pause();
    }
    this.#pump();
  }

  /** Whether all connections hold too much, and this one too much of it in what waits. */
  get #isBeyondShare(): boolean {
    return this.#held !== undefined && this.#held.bytes > 0 && !this.#held.hasRoom(0);
  }

  /** Usually next to nothing waits, and nothing is counted. */
  #countHeld(waitingBytes: number): void {
    const held = this.#held;
    if (held === undefined) return;
    const more = (waitingBytes < HELD_STEP ? 0 : waitingBytes) - held.bytes;
    if (Math.abs(more) >= HELD_STEP || (more !== 0 && waitingBytes < HELD_STEP)) held.add(more);
  }
}

/** What waits is counted in such steps. */
const HELD_STEP = 16 * 1024;
