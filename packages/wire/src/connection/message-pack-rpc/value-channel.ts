import type { Clock, Limits, Peer } from '@org/rpc-core';
import { CodecError } from '../../codec/codec.js';
import { createScanner, type Scanner } from '../../codec/scanner.js';
import { ProtocolError } from '../../frames/frame.js';
import { MessageMemory } from '../../frames/message-memory.js';
import type { ByteReceiver, ByteStream } from '../../transport/byte-stream.js';
import { ByteChannel, type ByteChannelOwner } from '../channel/byte-channel.js';
import { DEFAULT_KEEPALIVE, type ResolvedKeepalive } from '../channel/keepalive.js';
import type { Output } from '../channel/output.js';
import { StallWatch } from '../channel/stall-watch.js';

const NOTHING = Buffer.alloc(0);

/** The array, type and id of a message have no more bytes than this. */
const HEAD_BYTES = 32;

/** What is longer than this many times `messageBytes` is not worth reading to its end, as on the native protocol. */
const SKIP_FACTOR = 4;

/** What a value channel needs of the connection that owns it. */
export interface ValueChannelOwner {
  /** One whole MessagePack value, borrowed until this returns. @throws ProtocolError to close the connection */
  message(bytes: Buffer, start: number, end: number): void;
  /** A message of so many bytes has ended that was not kept, being beyond `messageBytes`; it begins like `head`. @throws as `message` */
  tooLong(head: Buffer, byteLength: number): void;
  /** What came is no message, and begins like `head`: the last chance to say so, before the connection is closed. */
  malformed(reason: string, head: Buffer): void;
  /** The peer will send no more. */
  ended(): void;
  /** What was queued has been written. */
  drained(): void;
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
  /** When a silent peer is asked whether it lives; the defaults when left out. */
  readonly keepalive?: ResolvedKeepalive | undefined;
}

/**
 * A connection that carries MessagePack values without frames: finds where they end, looking at each byte once, and bounds what
 * an unfinished one takes of memory and time. Knows nothing of what they mean.
 */
export class ValueChannel implements ByteChannelOwner {
  readonly output: Output;
  /** Who receives what the stream brings. */
  readonly receiver: ByteReceiver;
  /** The memory of the message in hand, when it may be kept: see `DecodeMessage`. */
  given: Buffer | undefined = undefined;
  readonly #options: ValueChannelOptions;
  readonly #bytes: ByteChannel;
  readonly #scanner: Scanner;
  readonly #stalls = new StallWatch();
  /** The beginning of an unfinished message. */
  readonly #pending = new MessageMemory();
  /** How many bytes of a message that is too long are not in there. */
  #skippedBytes = 0;
  /** What came after the message whose answer filled the write queue. */
  #held: Buffer = NOTHING;
  #messagesRead = 0;

  constructor(options: ValueChannelOptions) {
    const { stream, limits, clock, keepalive = DEFAULT_KEEPALIVE } = options;
    this.#options = options;
    // The wire has no PING. A host that is gone says nothing, and one whose process was killed within a call has only ended its side.
    stream.probe?.(keepalive.idleMs);
    this.#bytes = new ByteChannel({ stream, limits, clock, owner: this });
    this.#scanner = createScanner({ messageBytes: SKIP_FACTOR * limits.messageBytes });
    this.output = this.#bytes.output;
    this.receiver = this.#bytes;
  }

  get peer(): Peer {
    return this.#bytes.peer;
  }

  get isOpen(): boolean {
    return this.#bytes.isOpen;
  }

  /** Whether more waits to be written than `writeQueueBytes`: nothing should be added. */
  get isFull(): boolean {
    return this.#bytes.isFull;
  }

  /** How many bytes wait to be written. */
  get waitingBytes(): number {
    return this.#bytes.writes.waitingBytes;
  }

  /** When the last bytes were read. */
  get readAt(): number {
    return this.#bytes.readAt;
  }

  /** What has been appended are the last words: writes them, then reads and discards until the peer has ended too. */
  closeAfterWriting(reason: string): void {
    this.#bytes.closeAfterWriting(reason);
  }

  /** Drops the connection without a word. */
  destroy(reason: string): void {
    this.#bytes.destroy(reason);
  }

  /** Learns whether a peer that has ended its side is gone altogether. */
  poke(): void {
    if (this.isOpen) this.#options.stream.poke?.();
  }

  /** Looks after what should have happened by now; called about once a second. */
  tick(now: number): void {
    if (!this.isOpen) return;
    const { limits, firstMessageBy } = this.#options;
    if (this.#messagesRead === 0 && now > firstMessageBy)
      return this.#malformed(`no whole message within ${limits.handshakeMs} ms (limits.handshakeMs)`);
    // A peer that is not being read from cannot end its message.
    const isInside = this.#pending.receivedBytes > 0 && !this.isFull;
    if (this.#stalls.isFrameStalled(isInside, this.#messagesRead, now, limits.frameStallMs))
      return this.#malformed(`a message was not whole within ${limits.frameStallMs} ms (limits.frameStallMs)`);
    this.#bytes.tick(now);
  }

  // ByteChannelOwner

  read(bytes: Buffer): void {
    const held = this.#held;
    this.#held = NOTHING;
    this.#read(held.length === 0 ? bytes : Buffer.concat([held, bytes]));
  }

  failed(error: unknown): void {
    const isPeersFault = error instanceof ProtocolError || error instanceof CodecError;
    // Of what went wrong on this side the peer learns no more than that.
    if (isPeersFault) this.#malformed(error.message);
    else this.#malformed('an internal error', `an internal error: ${(error as Error).message}`);
  }

  /** `#read` looks for itself. */
  paused(): void {}

  resumed(): void {}

  stopped(): void {
    this.#pending.clear();
    this.#held = NOTHING;
  }

  drained(): void {
    this.#options.owner.drained();
  }

  ended(): void {
    this.#options.owner.ended();
  }

  closed(reason: string, byUs?: boolean): void {
    this.#options.owner.closed(reason, byUs);
  }

  #read(bytes: Buffer): void {
    let start = 0;
    while (start < bytes.length && this.isOpen) {
      if (this.isFull) {
        this.#held = Buffer.from(bytes.subarray(start));
        return;
      }
      const end = this.#scan(bytes, start);
      if (end < 0) return this.#keep(bytes, start, bytes.length);
      this.#messagesRead++;
      const isShort = end - start <= this.#options.limits.messageBytes;
      if (this.#pending.receivedBytes === 0 && isShort) this.#options.owner.message(bytes, start, end);
      else this.#finish(bytes, start, end);
      start = end;
    }
  }

  #scan(bytes: Buffer, start: number): number {
    try {
      return this.#scanner.push(bytes, start, bytes.length);
    } catch (error) {
      // Of what is no message at least its beginning, which may say whom to answer.
      this.#keep(bytes, start, Math.min(bytes.length, start + HEAD_BYTES));
      throw error;
    }
  }

  /** Ends the message that began in an earlier chunk. */
  #finish(bytes: Buffer, start: number, end: number): void {
    this.#keep(bytes, start, end);
    const { bytes: message, start: from, end: to } = this.#pending;
    const skipped = this.#skippedBytes;
    this.#pending.clear();
    this.#skippedBytes = 0;
    if (skipped > 0) return this.#options.owner.tooLong(message.subarray(from, to), to - from + skipped);
    this.given = message;
    this.#options.owner.message(message, from, to);
    this.given = undefined;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const needed = this.#pending.receivedBytes + end - start;
    if (this.#skippedBytes > 0 || needed > this.#options.limits.messageBytes) return this.#skip(bytes, start, end);
    // Most messages end with the string or binary that they are in.
    this.#pending.append(bytes, start, end, needed + this.#scanner.missingBytes);
  }

  /** Of what is too long no more than the beginning is kept, which says whose it is. */
  #skip(bytes: Buffer, start: number, end: number): void {
    const pending = this.#pending;
    const length = pending.receivedBytes + this.#skippedBytes + end - start;
    if (this.#skippedBytes === 0) {
      const kept = pending.bytes.subarray(pending.start, Math.min(pending.end, pending.start + HEAD_BYTES));
      const head = Buffer.concat([kept, bytes.subarray(start, start + HEAD_BYTES - kept.length)]);
      pending.clear();
      pending.append(head, 0, head.length, head.length);
    }
    this.#skippedBytes = length - pending.receivedBytes;
  }

  #malformed(told: string, reason = told): void {
    if (this.isOpen) {
      const { bytes, start, end } = this.#pending;
      this.#options.owner.malformed(told, bytes.subarray(start, end));
    }
    this.closeAfterWriting(reason);
  }
}
