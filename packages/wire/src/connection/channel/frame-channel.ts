import type { Cancel, Clock, Limits, Peer } from '@org/rpc-core';
import type { Codec, DecodeMessage } from '../../codec/codec.js';
import { FrameType, GoAwayCode, ProtocolError } from '../../frames/frame.js';
import { parseGoAway } from '../../frames/frame-parser.js';
import { FrameReader, type FrameSink } from '../../frames/frame-reader.js';
import { writeGoAway, writePing } from '../../frames/frame-writer.js';
import { PROTOCOL_VERSION } from '../../frames/hello.js';
import type { ByteReceiver, ByteStream } from '../../transport/byte-stream.js';
import { Assembler } from './assembler.js';
import type { ChannelOptions, ChannelOwner } from './channel-owner.js';
import { FloodGuard } from './flood-guard.js';
import { type OwnWords, readGreeting, writeGreeting } from './greeting.js';
import { Keepalive } from './keepalive.js';
import type { Output } from './output.js';
import { describeOverdue } from './overdue.js';
import { PrefaceReader } from './preface.js';
import { StallWatch } from './stall-watch.js';
import { WriteQueue } from './write-queue.js';

/** How long a closed connection goes on reading and discarding, so that its last words arrive instead of a reset. */
const LINGER_MS = 1000;

/**
 * The part of a connection that both sides have: frames in and out, greeting, PING, GOAWAY, closing with a reason, and the
 * bounds on what a peer may send besides calls. It knows nothing of calls.
 */
export class FrameChannel implements ByteReceiver, FrameSink {
  /** What goes out, large messages in pieces. */
  readonly writes: WriteQueue;
  /** The output of `writes`. */
  readonly output: Output;
  /** Messages that come in pieces. */
  readonly incoming: Assembler;
  readonly decode: DecodeMessage;
  readonly keepalive: Keepalive;
  /** When the last bytes were read: deadlines of what they bring count from here. */
  readAt: number;
  /** The largest body that both sides take: this side's limit until the peer has said its own. */
  bodyBytesMax: number;
  /** The minor version that both sides speak: this side's until the peer has said its own. */
  version = PROTOCOL_VERSION;
  readonly #stream: ByteStream;
  readonly #codec: Codec;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #owner: ChannelOwner;
  readonly #reader: FrameReader;
  readonly #openedAt: number;
  readonly #floods: FloodGuard;
  readonly #preface: PrefaceReader;
  readonly #stalls = new StallWatch();
  #greeted = false;
  #hasGoAway = false;
  #framesRead = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closeReason: string | undefined;
  #cancelLinger: Cancel | undefined;

  constructor(options: ChannelOptions) {
    const { stream, codec, limits, clock, owner } = options;
    this.#stream = stream;
    this.#codec = codec;
    this.#limits = limits;
    this.#clock = clock;
    this.#owner = owner;
    this.#floods = new FloodGuard(limits);
    this.#preface = new PrefaceReader(options.expectPreface);
    this.#openedAt = clock.now();
    this.readAt = this.#openedAt;
    this.bodyBytesMax = limits.messageBytes;
    this.writes = new WriteQueue(
      stream,
      limits,
      () => clock.now(),
      () => this.#reader.hold(),
    );
    this.output = this.writes.output;
    this.decode = codec.createDecoder(limits);
    this.#reader = new FrameReader(this, limits.messageBytes);
    this.incoming = new Assembler(owner, limits.messageBytes, (what) => this.ignoreFrame(what));
    this.keepalive = new Keepalive({
      readAt: () => this.readAt,
      ping: (opaque) => {
        writePing(this.output, FrameType.PING, opaque);
        this.output.flush();
      },
      lost: (reason) => this.destroy(reason),
    });
  }

  get peer(): Peer {
    return this.#stream.peer;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get isGreeted(): boolean {
    return this.#greeted;
  }

  /** Whether more waits to be written than `writeQueueBytes`: nothing should be added. */
  get isFull(): boolean {
    return this.writes.isFull;
  }

  /** Begins to receive. Call when the owner is ready to be told. */
  start(): void {
    this.#stream.start(this);
  }

  /** Sends the preface (client) and HELLO. */
  greet(hello: OwnWords, withPreface: boolean): void {
    writeGreeting(this.output, this.#codec, this.#limits, hello, withPreface);
    this.output.commit();
  }

  /** Gives the stream to another receiver: the peer speaks another protocol. This channel is over, without a word. */
  handOver(makeReceiver: (stream: ByteStream, openedAt: number) => ByteReceiver): void {
    this.#state = 'closed';
    this.#stream.start(makeReceiver(this.#stream, this.#openedAt));
  }

  /** Tells the peer to send no new calls, and why. The connection goes on. */
  sayGoAway(code: GoAwayCode, reason: string): void {
    if (this.#state !== 'open') return;
    writeGoAway(this.output, code, reason);
    this.output.flush();
  }

  /** Nothing will be added to what waits; reading goes on until the peer has ended too. */
  endWriting(): void {
    this.writes.end();
  }

  /**
   * Closes for cause: says why, then reads and discards until the peer has ended or a second has passed. Dropping the
   * connection at once would lose the reason: a reset overtakes what was written.
   * @param cause - why it really is, for this side alone
   */
  closeFor(code: GoAwayCode, reason: string, cause = reason): void {
    if (this.#state !== 'open') return;
    writeGoAway(this.output, code, reason);
    this.closeAfterWriting(cause);
  }

  /** As {@link closeFor}, for peers of another protocol: what has been appended are the last words. */
  closeAfterWriting(reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#closeReason = reason;
    this.#reader.stop();
    this.incoming.clear();
    this.writes.endNow();
    if (this.isFull) this.#stream.resume();
    this.#cancelLinger = this.#clock.schedule(LINGER_MS, () => this.#stream.destroy(), true);
    this.#owner.closed(reason, true);
  }

  /** Drops the connection without a word. */
  destroy(reason: string): void {
    this.#closeReason ??= reason;
    this.#stream.destroy();
  }

  /** Looks after what should have happened by now; called about once a second. */
  tick(now: number): void {
    if (this.#state !== 'open') return;
    // A peer that is not being read from cannot end its frame, nor show that it lives.
    const arriving = { isReading: !this.isFull, isInsideFrame: this.#reader.isInsideFrame, frames: this.#framesRead };
    const greetingSince = this.#greeted ? undefined : this.#openedAt;
    const overdue = describeOverdue(this.#limits, greetingSince, arriving, this.#stalls, this.incoming, now);
    if (overdue !== undefined) return this.closeFor(GoAwayCode.TIMEOUT, overdue);
    // Not every stream tells of a queue that was never full by its own measure.
    if (this.#stream.queuedBytes === 0 && (this.isFull || !this.writes.isEmpty)) this.drained();
    if (this.writes.isStalled(now)) {
      const { writeStallMs } = this.#limits;
      return this.destroy(`the peer has read nothing for ${writeStallMs} ms (limits.writeStallMs)`);
    }
    if (this.#greeted && !this.isFull) this.keepalive.tick(now);
  }

  data(bytes: Buffer): void {
    if (this.#state !== 'open') return;
    this.readAt = this.#clock.now();
    this.output.hold();
    try {
      const start = this.#preface.isDone ? 0 : this.#readPreface(bytes);
      if (start >= 0) this.#reader.push(bytes, start);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.output.release();
    }
  }

  drained(): void {
    if (this.writes.drained()) {
      this.keepalive.alive();
      this.#reader.release();
      this.data(Buffer.alloc(0)); // First what came before reading was paused; it may fill the queue again.
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
    this.#reader.stop();
    this.incoming.clear();
    this.writes.clear();
    if (wasOpen)
      this.#owner.closed(this.#closeReason ?? error?.message ?? 'the connection was closed by the other end');
  }

  // FrameSink

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    this.#framesRead++;
    if (!this.#greeted && type !== FrameType.HELLO && type !== FrameType.GOAWAY) {
      throw new ProtocolError(`the first frame must be HELLO, not type ${type}`);
    }
    if (
      (type >= FrameType.REQUEST && type <= FrameType.CANCEL) ||
      (type >= FrameType.ITEM && type <= FrameType.CONTINUATION)
    ) {
      if (!this.incoming.takes(type, flags, id, bytes, start, end, this.readAt))
        this.#owner.frame(type, flags, id, bytes, start, end, this.readAt);
    } else if (type === FrameType.PING) this.#ping(bytes, start, end);
    else if (type === FrameType.PONG) this.#pong();
    else if (type === FrameType.GOAWAY) this.#goAway(bytes, start, end);
    else if (type === FrameType.HELLO) this.#hello(bytes, start, end);
    else this.ignoreFrame(`unknown frame type ${type}`);
  }

  oversized(type: number, flags: number, id: number, bodyBytes: number): void {
    this.#framesRead++;
    if (!this.#greeted) throw new ProtocolError('the first frame is larger than any message may be');
    if (!this.incoming.takesSkipped(type, flags, id, bodyBytes)) this.#owner.oversized(type, flags, id, bodyBytes);
  }

  /** Counts a frame that is harmless by itself. @throws ProtocolError when there are too many */
  ignoreFrame(what: string): void {
    this.#floods.ignore(what, this.readAt);
  }

  /** Where the frames begin in this chunk, -1 when there are none: the preface is incomplete, or the peer speaks otherwise. */
  #readPreface(bytes: Buffer): number {
    const result = this.#preface.read(bytes);
    if (typeof result === 'number') return result;
    if (result.foreign) this.#owner.foreign?.(bytes);
    else this.closeFor(GoAwayCode.PROTOCOL_ERROR, result.reason);
    return -1;
  }

  #ping(bytes: Buffer, start: number, end: number): void {
    if (end - start !== 8) throw new ProtocolError(`a PING has 8 bytes, not ${end - start}`);
    this.#floods.ping(this.readAt);
    writePing(this.output, FrameType.PONG, bytes.subarray(start, end));
    this.output.commit();
  }

  #pong(): void {
    if (!this.keepalive.alive()) this.ignoreFrame('a PONG that was not asked for');
  }

  #goAway(bytes: Buffer, start: number, end: number): void {
    if (this.#hasGoAway) this.ignoreFrame('one more GOAWAY');
    this.#hasGoAway = true;
    const { code, reason } = parseGoAway(bytes, start, end);
    this.#owner.goAway(code, reason);
  }

  #hello(bytes: Buffer, start: number, end: number): void {
    if (this.#greeted) throw new ProtocolError('a second HELLO');
    const hello = readGreeting(this.decode, this.#codec, bytes, start, end);
    this.#greeted = true;
    this.version = Math.min(PROTOCOL_VERSION, hello.version);
    this.bodyBytesMax = Math.min(this.bodyBytesMax, hello.messageBytes);
    this.#owner.greeted(hello);
  }

  #fail(error: unknown): void {
    if (error instanceof ProtocolError) return this.closeFor(error.code, error.message);
    this.closeFor(GoAwayCode.PROTOCOL_ERROR, 'an internal error', `an internal error: ${(error as Error).message}`);
  }
}
