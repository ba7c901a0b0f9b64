import type { Cancel, Clock, Limits, Peer } from '@org/rpc-core';
import type { ByteReceiver, ByteStream } from '../../transport/byte-stream.js';
import type { Output } from './output.js';
import { WriteQueue } from './write-queue.js';

/** How long a closed connection goes on reading and discarding, so that its last words arrive instead of a reset. */
const LINGER_MS = 1000;

const NOTHING = Buffer.alloc(0);

/** What a byte channel needs of the protocol that is spoken over it. */
export interface ByteChannelOwner {
  /** Bytes have come, borrowed until this returns; none, when what was left unread before may be read now. */
  read(bytes: Buffer): void;
  /** `read` has thrown. */
  failed(error: unknown): void;
  /** Too much waits to be written: nothing more may be read, also not of what has come already. */
  paused(): void;
  /** What was left unread may be read now. */
  resumed(): void;
  /** Nothing will be read any more: what is unfinished can be let go. */
  stopped(): void;
  /** What was queued has been written. */
  drained(): void;
  /** The peer will send no more. */
  ended(): void;
  /** It is over. `reason` says why, in words for people. `byUs`: this side has ended it, rather than lost it. */
  closed(reason: string, byUs?: boolean): void;
}

/** What a byte channel is made of. */
export interface ByteChannelOptions {
  readonly stream: ByteStream;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly owner: ByteChannelOwner;
}

/**
 * What all connections have in common, whatever is spoken over them: a queue of what is to be written, reading that pauses while
 * the peer does not read, and an end whose last words arrive. It knows nothing of what the bytes mean.
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

  constructor({ stream, limits, clock, owner }: ByteChannelOptions) {
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
    );
    this.output = this.writes.output;
  }

  get peer(): Peer {
    return this.#stream.peer;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Whether more waits to be written than `writeQueueBytes`: nothing should be added. */
  get isFull(): boolean {
    return this.writes.isFull;
  }

  /** Whether what comes is read. */
  get isReading(): boolean {
    return !this.#isHeld && !this.isFull;
  }

  /** Begins to receive. Call when the owner is ready to be told. */
  start(): void {
    this.#stream.start(this);
  }

  /** Reads nothing from here on, not even the rest of what has come, until {@link readOn}. The peer is held back. */
  hold(): void {
    this.#isHeld = true;
    this.#owner.paused();
    this.#stream.pause();
  }

  /** Ends `hold`. What had come before counts as read when it came. */
  readOn(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (this.#state === 'open') {
      this.#owner.resumed();
      this.#give(NOTHING);
    }
    if (!this.#isHeld && !this.isFull) this.#stream.resume();
  }

  /** Gives the stream to another receiver. This channel is over, without a word. */
  handOver(makeReceiver: (stream: ByteStream, openedAt: number) => ByteReceiver): void {
    this.#state = 'closed';
    this.#stream.start(makeReceiver(this.#stream, this.openedAt));
  }

  /**
   * What has been appended are the last words: writes them, then reads and discards until the peer has ended or a second has
   * passed. Dropping the connection at once would lose them: a reset overtakes what was written.
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

  /** Drops the connection without a word. */
  destroy(reason: string): void {
    this.#closeReason ??= reason;
    this.#stream.destroy();
  }

  /** Looks after the writing side; called about once a second while it is open. Returns whether it is open still. */
  tick(now: number): boolean {
    // Not every stream tells of a queue that was never full by its own measure.
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
    if (this.writes.drained()) {
      this.#owner.resumed();
      this.data(NOTHING); // First what came before reading was paused; it may fill the queue again.
      if (!this.isFull) this.#stream.resume();
    }
    this.#owner.drained();
  }

  ended(): void {
    // When it is closing, the stream is over by itself once the last words are written.
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
