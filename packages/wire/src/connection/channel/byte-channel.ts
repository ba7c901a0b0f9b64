import type { Cancel, Clock, Limits, Peer } from '@org/rpc-core';
import type { ByteReceiver, ByteStream } from '../../transport/byte-stream.js';
import type { HeldMemory } from './held-memory.js';
import type { Output } from './output.js';
import { WriteQueue } from './write-queue.js';

/** How long a closed connection goes on reading and discarding, in milliseconds, so that its last words arrive and not a reset. */
const LINGER_MS = 1000;

const NOTHING = Buffer.alloc(0);

/** What a byte channel needs from the protocol above it. */
export interface ByteChannelOwner {
  /** Bytes have come, borrowed until this returns; empty when bytes left unread before may be read now. */
  read(bytes: Buffer): void;
  /** `read` has thrown. */
  failed(error: unknown): void;
  /** Too much waits to be written: nothing more may be read, not even bytes that have already come. */
  paused(): void;
  /** Bytes left unread may be read now. */
  resumed(): void;
  /** Nothing will be read any more: unfinished messages can be dropped. */
  stopped(): void;
  /** Everything queued has been written. */
  drained(): void;
  /** The peer will send no more. */
  ended(): void;
  /** The channel is over. `reason` says why, in words for people. `byUs`: this side ended it, otherwise it was lost. */
  closed(reason: string, byUs?: boolean): void;
}

/** What a byte channel is made from. */
export interface ByteChannelOptions {
  readonly stream: ByteStream;
  readonly limits: Limits;
  readonly clock: Clock;
  /** What all connections of a server hold together. */
  readonly memory?: HeldMemory | undefined;
  readonly owner: ByteChannelOwner;
  /** Whether it reads on while too much waits to be written, as clients do (default false). */
  readonly readsWhileFull?: boolean;
}

/**
 * What connections of every protocol have in common: a write queue, reading that pauses while the peer does not read, unless the owner
 * reads on, and a close whose last words arrive. It does not know what the bytes mean.
 */
export class ByteChannel implements ByteReceiver {
  readonly writes: WriteQueue;
  /** The output of `writes`. */
  readonly output: Output;
  readonly openedAt: number;
  /** When the last bytes were read. */
  readAt: number;
  readonly #stream: ByteStream;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #owner: ByteChannelOwner;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closeReason: string | undefined;
  #cancelLinger: Cancel | undefined;
  #isHeld = false;

  constructor({ stream, limits, clock, memory, owner, readsWhileFull = false }: ByteChannelOptions) {
    this.#stream = stream;
    this.#limits = limits;
    this.#clock = clock;
    this.#owner = owner;
    this.openedAt = clock.now();
    this.readAt = this.openedAt;
    this.writes = new WriteQueue(
      stream,
      limits,
      () => clock.now(),
      () => owner.paused(),
      memory?.holding(),
      readsWhileFull,
    );
    this.output = this.writes.output;
  }

  get peer(): Peer {
    return this.#stream.peer;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Whether more than `writeQueueBytes` waits to be written: nothing should be added. */
  get isFull(): boolean {
    return this.writes.isFull;
  }

  /** Whether incoming bytes are read. */
  get isReading(): boolean {
    return !this.#isHeld && this.writes.isReading;
  }

  /** Begins to receive. Call it when the owner is ready. */
  start(): void {
    this.#stream.start(this);
  }

  /** Reads nothing until {@link readOn}, not even the rest of what has come. The peer is held back. */
  hold(): void {
    this.#isHeld = true;
    this.#owner.paused();
    this.#stream.pause();
  }

  /** Ends `hold`. Bytes that came before count as read when they came. */
  readOn(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (this.#state === 'open') {
      this.#owner.resumed();
      this.#give(NOTHING);
    }
    if (this.isReading) this.#stream.resume();
  }

  /** Gives the stream to another receiver. This channel ends without notice. */
  handOver(makeReceiver: (stream: ByteStream, openedAt: number) => ByteReceiver): void {
    this.#state = 'closed';
    this.#stream.start(makeReceiver(this.#stream, this.openedAt));
  }

  /**
   * Writes what has been appended as the last words, then reads and discards until the peer has ended or a second has
   * passed. Dropping the connection at once could lose them: a reset overtakes written bytes.
   */
  closeAfterWriting(reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#closeReason = reason;
    this.#owner.stopped();
    this.writes.endNow();
    if (!this.isReading) this.#stream.resume();
    this.#cancelLinger = this.#clock.schedule(LINGER_MS, () => this.#stream.destroy(), true);
    this.#owner.closed(reason, true);
  }

  /** Drops the connection without notice. */
  destroy(reason: string): void {
    this.#closeReason ??= reason;
    this.#stream.destroy();
  }

  /** Checks the writing side; called about once a second while the channel is open. Returns whether it is still open. */
  tick(now: number): boolean {
    // Not every stream reports the end of a queue that was never full by the stream's own measure.
    if (this.#stream.queuedBytes === 0 && (this.isFull || !this.writes.isEmpty)) this.drained();
    if (this.writes.isStalled(now)) {
      const { writeStallMs } = this.#limits;
      this.destroy(`the peer has read nothing for ${writeStallMs} ms (limits.writeStallMs)`);
    }
    return this.#state === 'open';
  }

  // ByteReceiver

  data(bytes: Buffer): void {
    if (this.#state !== 'open') return;
    this.readAt = this.#clock.now();
    this.#give(bytes);
  }

  #give(bytes: Buffer): void {
    this.output.hold();
    try {
      this.#owner.read(bytes);
    } catch (error) {
      this.#owner.failed(error);
    } finally {
      this.output.release();
    }
  }

  drained(): void {
    const wasReading = this.writes.isReading;
    if (this.writes.drained() && !wasReading) {
      this.#owner.resumed();
      this.data(NOTHING); // First the bytes that came before reading was paused; their answers may fill the queue again.
      if (!this.isFull) this.#stream.resume();
    }
    this.#owner.drained();
  }

  ended(): void {
    // While the channel is closing, the stream ends by itself once the last words are written.
    if (this.#state === 'open') this.#owner.ended();
  }

  closed(error: Error | undefined): void {
    this.#cancelLinger?.();
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#owner.stopped();
    this.writes.clear();
    if (wasOpen)
      this.#owner.closed(this.#closeReason ?? error?.message ?? 'the connection was closed by the other end');
  }
}
