import type { Clock, Limits, Peer } from '@org/rpc-core';
import { CodecError } from '../../codec/codec.js';
import { createScanner, type Scanner } from '../../codec/scanner.js';
import { ProtocolError } from '../../frames/frame.js';
import { MessageMemory } from '../../frames/message-memory.js';
import type { ByteReceiver, ByteStream } from '../../transport/byte-stream.js';
import { ByteChannel, type ByteChannelOwner } from '../channel/byte-channel.js';
import type { HeldMemory } from '../channel/held-memory.js';
import { DEFAULT_KEEPALIVE, type ResolvedKeepalive } from '../channel/keepalive.js';
import type { Output } from '../channel/output.js';
import { StallWatch } from '../channel/stall-watch.js';

const NOTHING = Buffer.alloc(0);

/** The most bytes that array header, type and id of a message take. */
const HEAD_BYTES = 32;

/** A message longer than this many times `messageBytes` is not read to its end, as on the native protocol. */
const SKIP_FACTOR = 4;

/** What a value channel needs from the connection that owns it. */
export interface ValueChannelOwner {
  /** One whole MessagePack value, borrowed until this returns. @throws ProtocolError to close the connection */
  message(bytes: Buffer, start: number, end: number): void;
  /** A message beyond `messageBytes` has ended and was not kept; `head` holds its first bytes. @throws as `message` */
  tooLong(head: Buffer, byteLength: number): void;
  /** The bytes are no message; `head` holds the first ones. The last chance to answer before the connection is closed. */
  malformed(reason: string, head: Buffer): void;
  /** The peer will send no more. */
  ended(): void;
  /** Everything queued has been written. */
  drained(): void;
  /** The channel is over. `reason` says why, in words for people; `byUs`: this side ended it, otherwise it was lost. */
  closed(reason: string, byUs?: boolean): void;
}

/** What a value channel is made from. */
export interface ValueChannelOptions {
  readonly stream: ByteStream;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly owner: ValueChannelOwner;
  /** The first whole message must come by this time, in the clock's milliseconds; `Infinity` where the peer only answers. */
  readonly firstMessageBy: number;
  /** When a silent peer is probed; the defaults when left out. */
  readonly keepalive?: ResolvedKeepalive | undefined;
  /** What all connections of a server hold together. */
  readonly memory?: HeldMemory | undefined;
  /** Whether it reads on while too much waits to be written, as clients do (default false). */
  readonly readsWhileFull?: boolean;
}

/**
 * A connection that carries MessagePack values without frames. It finds where values end, looking at each byte once, and bounds the
 * memory and time of an unfinished value. It does not know what the values mean.
 */
export class ValueChannel implements ByteChannelOwner {
  readonly output: Output;
  /** Receives the bytes of the stream. */
  readonly receiver: ByteReceiver;
  /** The memory of the current message, when it may be kept: see `DecodeMessage`. */
  given: Buffer | undefined = undefined;
  readonly #options: ValueChannelOptions;
  readonly #bytes: ByteChannel;
  readonly #scanner: Scanner;
  readonly #stalls = new StallWatch();
  /** The beginning of an unfinished message. */
  readonly #pending = new MessageMemory();
  /** How many bytes of a message that is too long are not in `#pending`. */
  #skippedBytes = 0;
  /** The bytes after the message whose answer was too much to be written. */
  #held: Buffer = NOTHING;
  #messagesRead = 0;

  constructor(options: ValueChannelOptions) {
    const { stream, limits, clock, memory, keepalive = DEFAULT_KEEPALIVE, readsWhileFull } = options;
    this.#options = options;
    // The protocol has no PING. A host that is gone sends nothing, and a process killed during a call has only ended its side.
    stream.probe?.(keepalive.idleMs);
    this.#bytes = new ByteChannel({
      stream,
      limits,
      clock,
      memory,
      owner: this,
      readsWhileFull: readsWhileFull ?? false,
    });
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

  /** Whether more than `writeQueueBytes` waits to be written: nothing should be added. */
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

  /** Reads nothing until {@link readOn}, not even the rest of what has come. */
  hold(): void {
    this.#bytes.hold();
  }

  /** Ends `hold`. */
  readOn(): void {
    this.#bytes.readOn();
  }

  /** Writes what has been appended as the last words, then reads and discards until the peer has ended too. */
  closeAfterWriting(reason: string): void {
    this.#bytes.closeAfterWriting(reason);
  }

  /** Drops the connection without a word. */
  destroy(reason: string): void {
    this.#bytes.destroy(reason);
  }

  /** Finds out whether a peer that has ended its side is gone altogether. */
  poke(): void {
    if (this.isOpen) this.#options.stream.poke?.();
  }

  /** Checks what is overdue; called about once a second. */
  tick(now: number): void {
    if (!this.isOpen) return;
    const { limits, firstMessageBy } = this.#options;
    if (this.#messagesRead === 0 && now > firstMessageBy)
      return this.#malformed(`no whole message within ${limits.handshakeMs} ms (limits.handshakeMs)`);
    // While this side does not read, the peer cannot end its message.
    const isInside = this.#pending.receivedBytes > 0 && this.#bytes.isReading;
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
    // The peer learns no details of an error on this side.
    if (isPeersFault) this.#malformed(error.message);
    else this.#malformed('an internal error', `an internal error: ${(error as Error).message}`);
  }

  /** Nothing to do: `#read` checks by itself. */
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
      if (!this.#bytes.isReading) {
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
      // If it is no message, keep at least its beginning, which may say which call to answer.
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
    // Most messages end with the string or binary that is being read.
    this.#pending.append(bytes, start, end, needed + this.#scanner.missingBytes);
  }

  /** Keeps only the beginning of a message that is too long, which says which call it belongs to. */
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
