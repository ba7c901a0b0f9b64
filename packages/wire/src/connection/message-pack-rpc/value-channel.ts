import type { Cancel, Clock, Limits, Peer } from '@org/rpc-core';
import { CodecError } from '../../codec/codec.js';
import { createScanner, type Scanner } from '../../codec/scanner.js';
import { ProtocolError } from '../../frames/frame.js';
import type { ByteReceiver, ByteStream } from '../../transport/byte-stream.js';
import { Output } from '../channel/output.js';
import { StallWatch } from '../channel/stall-watch.js';

const NOTHING = Buffer.alloc(0);

/** As for frames: reading goes on for a while, so that the last words arrive instead of a reset. */
const LINGER_MS = 1000;

/** What a value channel needs of the connection that owns it. */
export interface ValueChannelOwner {
  /** One whole MessagePack value, borrowed until this returns. @throws ProtocolError to close the connection */
  message(bytes: Buffer, start: number, end: number): void;
  /** What came is no message: the last chance to say so, before the connection is closed. */
  malformed(reason: string): void;
  /** The peer will send no more. */
  ended(): void;
  /** It is over. `reason` says why, in words for people; `byUs`, that this side has ended it rather than lost it. */
  closed(reason: string, byUs?: boolean): void;
}

/** What a value channel is made of. */
export interface ValueChannelOptions {
  readonly stream: ByteStream;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly owner: ValueChannelOwner;
  /** The first whole message must come by this time, in the clock's milliseconds; `Infinity` where the peer only answers. */
  readonly firstMessageBy: number;
}

/**
 * A connection that carries MessagePack values without frames: finds where they end, looking at each byte once, and bounds what
 * an unfinished one takes of memory and time. Knows nothing of what they mean.
 */
export class ValueChannel implements ByteReceiver {
  readonly output: Output;
  /** When the last bytes were read. */
  readAt: number;
  readonly #options: ValueChannelOptions;
  readonly #stream: ByteStream;
  readonly #scanner: Scanner;
  readonly #stalls = new StallWatch();
  /** The beginning of an unfinished message, in a buffer that doubles: pieces of one byte each must not be kept as such. */
  #pending: Buffer | undefined;
  #pendingBytes = 0;
  /** What came after the message whose answer filled the write queue. */
  #held: Buffer = NOTHING;
  #messagesRead = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closeReason: string | undefined;
  #cancelLinger: Cancel | undefined;

  constructor(options: ValueChannelOptions) {
    this.#options = options;
    this.#stream = options.stream;
    this.#scanner = createScanner(options.limits);
    this.output = new Output(options.stream, () => this.#watchQueue());
    this.readAt = options.clock.now();
  }

  get peer(): Peer {
    return this.#stream.peer;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Whether more waits to be written than `writeQueueBytes`: nothing should be added. */
  get isFull(): boolean {
    return this.#stalls.isFull;
  }

  /** How many bytes wait to be written. */
  get waitingBytes(): number {
    return this.#stream.queuedBytes;
  }

  /** What has been appended are the last words: writes them, then reads and discards until the peer has ended too. */
  closeAfterWriting(reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#closeReason = reason;
    this.#pending = undefined;
    this.#held = NOTHING;
    this.output.flush();
    this.#stream.end();
    if (this.isFull) this.#stream.resume();
    this.#cancelLinger = this.#options.clock.schedule(LINGER_MS, () => this.#stream.destroy(), true);
    this.#options.owner.closed(reason, true);
  }

  /** Drops the connection without a word. */
  destroy(reason: string): void {
    this.#closeReason ??= reason;
    this.#stream.destroy();
  }

  /** Looks after what should have happened by now; called about once a second. */
  tick(now: number): void {
    if (this.#state !== 'open') return;
    const { limits, firstMessageBy } = this.#options;
    if (this.#messagesRead === 0 && now > firstMessageBy)
      return this.#malformed(`no whole message within ${limits.handshakeMs} ms (limits.handshakeMs)`);
    // A peer that is not being read from cannot end its message.
    const isInside = this.#pendingBytes > 0 && !this.isFull;
    if (this.#stalls.isFrameStalled(isInside, this.#messagesRead, now, limits.frameStallMs))
      return this.#malformed(`a message was not whole within ${limits.frameStallMs} ms (limits.frameStallMs)`);
    // Not every stream tells of a queue that was never full by its own measure.
    if (this.isFull && this.#stream.queuedBytes === 0) this.drained();
    if (this.#stalls.isWriteStalled(this.output.takenBytes, now, limits.writeStallMs))
      this.destroy(`the peer has read nothing for ${limits.writeStallMs} ms (limits.writeStallMs)`);
  }

  // ByteReceiver

  data(bytes: Buffer): void {
    if (this.#state !== 'open') return;
    this.readAt = this.#options.clock.now();
    this.output.hold();
    try {
      this.#read(bytes);
    } catch (error) {
      const isPeersFault = error instanceof ProtocolError || error instanceof CodecError;
      // Of what went wrong on this side the peer learns no more than that.
      if (isPeersFault) this.#malformed(error.message);
      else this.#malformed('an internal error', `an internal error: ${(error as Error).message}`);
    } finally {
      this.output.release();
    }
  }

  drained(): void {
    if (!this.isFull) return;
    this.#stalls.drained();
    const held = this.#held;
    this.#held = NOTHING;
    // First what was read before reading was paused; it may fill the queue again.
    if (held.length > 0) this.data(held);
    if (!this.isFull) this.#stream.resume();
  }

  ended(): void {
    if (this.#state === 'open') this.#options.owner.ended();
    else this.#stream.destroy();
  }

  closed(error: Error | undefined): void {
    this.#cancelLinger?.();
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#pending = undefined;
    const reason = this.#closeReason ?? error?.message ?? 'the connection was closed by the other end';
    if (wasOpen) this.#options.owner.closed(reason);
  }

  #read(bytes: Buffer): void {
    let start = 0;
    while (start < bytes.length && this.#state === 'open') {
      if (this.isFull) {
        this.#held = Buffer.concat([this.#held, bytes.subarray(start)]);
        return;
      }
      const end = this.#scanner.push(bytes, start, bytes.length);
      if (end < 0) return this.#keep(bytes, start, bytes.length);
      this.#messagesRead++;
      if (this.#pendingBytes === 0) this.#options.owner.message(bytes, start, end);
      else this.#finish(bytes, start, end);
      start = end;
    }
  }

  /** Ends the message that began in an earlier chunk. */
  #finish(bytes: Buffer, start: number, end: number): void {
    this.#keep(bytes, start, end);
    const message = this.#pending!;
    const length = this.#pendingBytes;
    this.#pending = undefined;
    this.#pendingBytes = 0;
    this.#options.owner.message(message, 0, length);
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const needed = this.#pendingBytes + end - start;
    if (this.#pending === undefined || needed > this.#pending.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(256, 2 * this.#pendingBytes, needed));
      this.#pending?.copy(larger, 0, 0, this.#pendingBytes);
      this.#pending = larger;
    }
    bytes.copy(this.#pending, this.#pendingBytes, start, end);
    this.#pendingBytes = needed;
  }

  #malformed(told: string, reason = told): void {
    if (this.#state === 'open') this.#options.owner.malformed(told);
    this.closeAfterWriting(reason);
  }

  /** Stops reading while the peer does not read: what it sends would only make more to write. */
  #watchQueue(): void {
    if (this.#state !== 'open' || this.isFull) return;
    if (this.#stream.queuedBytes <= this.#options.limits.writeQueueBytes) return;
    this.#stalls.full(this.output.takenBytes, this.#options.clock.now());
    this.#stream.pause();
  }
}
