import type { Limits, Peer } from '@org/rpc-core';
import type { Codec, DecodeMessage } from '../../codec/codec.js';
import { FrameType, GoAwayCode, ProtocolError } from '../../frames/frame.js';
import { parseGoAway } from '../../frames/frame-parser.js';
import { FrameReader, type FrameSink } from '../../frames/frame-reader.js';
import { writeGoAway, writePing } from '../../frames/frame-writer.js';
import { type OwnWords, PROTOCOL_VERSION, readGreeting, writeGreeting } from '../../frames/hello.js';
import { PrefaceReader } from '../../frames/preface.js';
import { readCredit, writePieceCredit } from '../../frames/stream-frames.js';
import type { ByteReceiver, ByteStream } from '../../transport/byte-stream.js';
import { Assembler } from './assembler.js';
import { ByteChannel, type ByteChannelOwner } from './byte-channel.js';
import type { ChannelOptions, ChannelOwner } from './channel-owner.js';
import { FloodGuard } from './flood-guard.js';
import { DEFAULT_KEEPALIVE, Keepalive, type KeepalivePort } from './keepalive.js';
import { type Output, SERVER_FLUSH_MESSAGES } from './output.js';
import { StallWatch } from './stall-watch.js';
import type { WriteQueue } from './write-queue.js';

/**
 * The part of a connection that both sides have: frames in and out, greeting, PING, GOAWAY, closing with a reason, and the
 * bounds on frames that a peer may send besides calls. It knows nothing of calls.
 */
export class FrameChannel implements ByteChannelOwner, FrameSink {
  /** Outgoing messages, large ones in pieces. */
  readonly writes: WriteQueue;
  /** The output of `writes`. */
  readonly output: Output;
  /** Incoming messages in pieces. */
  readonly incoming: Assembler;
  readonly decode: DecodeMessage;
  /** The memory of the current frame or message, when it may be kept: see {@link DecodeMessage}. */
  given: Buffer | undefined = undefined;
  readonly keepalive: Keepalive;
  /** Whether this is the server's end. */
  readonly isServer: boolean;
  /** The largest body that both sides accept: this side's limit until the peer's limit is known. */
  bodyBytesMax: number;
  /** The minor version that both sides speak: this side's until the peer's is known. */
  version = PROTOCOL_VERSION;
  #peer: Peer | undefined;
  readonly #bytes: ByteChannel;
  readonly #codec: Codec;
  readonly #limits: Limits;
  readonly #owner: ChannelOwner;
  readonly #reader: FrameReader;
  readonly #floods: FloodGuard;
  readonly #preface: PrefaceReader;
  readonly #stalls = new StallWatch();
  #greeted = false;
  /** Whether this side has said `load`. */
  #speaksLoad = false;
  #hasGoAway = false;
  #framesRead = 0;
  /** Whether the peer waits for credit before it sends more pieces. */
  #grantsPieces = false;
  /** Bytes of pieces that have come since more were granted. */
  #pieceBytes = 0;

  constructor(options: ChannelOptions) {
    const { stream, codec, limits, clock, memory, owner, expectPreface } = options;
    this.#bytes = new ByteChannel({ stream, limits, clock, memory, owner: this, readsWhileFull: !expectPreface });
    this.#codec = codec;
    this.#limits = limits;
    this.#owner = owner;
    this.#floods = new FloodGuard(limits);
    this.#preface = new PrefaceReader(options.expectPreface);
    this.bodyBytesMax = limits.messageBytes;
    this.isServer = options.expectPreface;
    this.writes = this.#bytes.writes;
    this.output = this.writes.output;
    if (this.isServer) this.output.flushMessages = SERVER_FLUSH_MESSAGES;
    this.decode = codec.createDecoder(limits);
    this.#reader = new FrameReader(this, limits.messageBytes);
    this.incoming = new Assembler(owner, limits.messageBytes, (what) => this.ignoreFrame(what), this);
    const port: KeepalivePort = {
      readAt: () => this.readAt,
      ping: (opaque) => {
        writePing(this.output, FrameType.PING, opaque);
        this.output.flush();
      },
      isNeeded: () => owner.isNeeded(),
      lost: (reason) => this.destroy(reason),
    };
    this.keepalive = new Keepalive(port, options.keepalive ?? DEFAULT_KEEPALIVE);
  }

  /** The peer, with the name that it gave itself once that has come. */
  get peer(): Peer {
    return this.#peer ?? this.#bytes.peer;
  }

  get isOpen(): boolean {
    return this.#bytes.isOpen;
  }

  /** When the last bytes were read: the deadlines of calls in them count from this time. */
  get readAt(): number {
    return this.#bytes.readAt;
  }

  get isGreeted(): boolean {
    return this.#greeted;
  }

  /** Reads nothing until {@link readOn}, not even the rest of what has come. */
  hold(): void {
    this.#bytes.hold();
  }

  /** Ends {@link hold}. */
  readOn(): void {
    this.#bytes.readOn();
  }

  /** Whether more than `writeQueueBytes` waits to be written: nothing should be added. */
  get isFull(): boolean {
    return this.writes.isFull;
  }

  /** Begins to receive. Call it when the owner is ready. */
  start(): void {
    this.#bytes.start();
  }

  /** Sends the preface (client) and HELLO. */
  greet(hello: OwnWords, withPreface: boolean): void {
    this.#speaksLoad = hello.load === true;
    writeGreeting(this.output, this.#codec, this.#limits, hello, withPreface);
    this.output.commit();
  }

  /** Gives the stream to another receiver, because the peer speaks another protocol. This channel ends without notice. */
  handOver(makeReceiver: (stream: ByteStream, openedAt: number) => ByteReceiver): void {
    this.#bytes.handOver(makeReceiver);
  }

  /** Tells the peer to send no new calls, and why. The connection goes on. */
  sayGoAway(code: GoAwayCode, reason: string, flags = 0): void {
    if (!this.isOpen) return;
    writeGoAway(this.output, code, reason, flags);
    this.output.flush();
  }

  /** Nothing more will be queued; reading goes on until the peer has ended too. */
  endWriting(): void {
    this.writes.end();
  }

  /**
   * Closes with a reason: sends the reason, then reads and discards until the peer has ended or a second has passed. Dropping the
   * connection at once could lose the reason, because a reset overtakes written bytes.
   * @param cause - the real reason, for this side only
   */
  closeFor(code: GoAwayCode, reason: string, cause = reason): void {
    if (!this.isOpen) return;
    writeGoAway(this.output, code, reason);
    this.closeAfterWriting(cause);
  }

  /** Like {@link closeFor}, for peers of another protocol: sends what has been appended, and nothing more. */
  closeAfterWriting(reason: string): void {
    this.#bytes.closeAfterWriting(reason);
  }

  /** Drops the connection without notice. */
  destroy(reason: string): void {
    this.#bytes.destroy(reason);
  }

  /** Checks what is overdue; called about once a second. */
  tick(now: number): void {
    if (!this.isOpen) return;
    const overdue = this.#describeOverdue(now);
    if (overdue !== undefined) return this.closeFor(GoAwayCode.TIMEOUT, overdue);
    if (this.#bytes.tick(now) && this.#greeted && this.#bytes.isReading) this.keepalive.tick(now);
  }

  /** Tells the peer what it should have sent by now; `undefined` when nothing is overdue. */
  #describeOverdue(now: number): string | undefined {
    const { handshakeMs, frameStallMs } = this.#limits;
    // While this side does not read, the peer cannot end its frame or show that it is alive.
    const { isReading } = this.#bytes;
    if (!this.#greeted && isReading && now - this.#bytes.openedAt > handshakeMs)
      return `no greeting within ${handshakeMs} ms (limits.handshakeMs)`;
    if (this.#stalls.isFrameStalled(this.#reader.isInsideFrame && isReading, this.#framesRead, now, frameStallMs))
      return `a frame was not whole within ${frameStallMs} ms (limits.frameStallMs)`;
    if (this.incoming.isStalled(isReading, now, frameStallMs))
      return `no piece of a message came within ${frameStallMs} ms (limits.frameStallMs)`;
    return undefined;
  }

  // ByteChannelOwner

  read(bytes: Buffer): void {
    const start = this.#preface.isDone ? 0 : this.#readPreface(bytes);
    if (start >= 0) this.#reader.push(bytes, start);
  }

  failed(error: unknown): void {
    if (error instanceof ProtocolError) return this.closeFor(error.code, error.message);
    this.closeFor(GoAwayCode.PROTOCOL_ERROR, 'an internal error', `an internal error: ${(error as Error).message}`);
  }

  paused(): void {
    this.#reader.hold();
  }

  resumed(): void {
    this.keepalive.alive();
    this.#reader.release();
  }

  stopped(): void {
    this.#reader.stop();
    this.incoming.clear();
  }

  drained(): void {
    this.#owner.drained();
  }

  ended(): void {
    this.writes.peerEnded();
    this.#owner.ended();
  }

  closed(reason: string, byUs?: boolean): void {
    this.#owner.closed(reason, byUs);
  }

  // FrameSink

  part(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number, restBytes: number): void {
    this.#framesRead++;
    if (!this.#greeted) throw new ProtocolError(`the first frame must be HELLO, not type ${type}`);
    this.incoming.takes(type, flags, id, bytes, start, end, this.readAt, restBytes);
    this.#tookPiece(end - start);
  }

  further(bytes: Buffer, start: number, end: number): void {
    this.incoming.further(bytes, start, end, this.readAt);
    this.#tookPiece(end - start);
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    this.#framesRead++;
    if (!this.#greeted && type !== FrameType.HELLO && type !== FrameType.GOAWAY) {
      throw new ProtocolError(`the first frame must be HELLO, not type ${type}`);
    }
    if (
      (type >= FrameType.REQUEST && type <= FrameType.CANCEL) ||
      (type >= FrameType.ITEM && type <= FrameType.CONTINUATION)
    ) {
      if (this.incoming.takes(type, flags, id, bytes, start, end, this.readAt)) this.#tookPiece(end - start);
      else this.#owner.frame(type, flags, id, bytes, start, end, this.readAt);
    } else if (type === FrameType.ASK || type === FrameType.STANDING) {
      // Such a frame may also stand between the pieces of a message of the same call.
      this.#owner.frame(type, flags, id, bytes, start, end, this.readAt);
    } else if (type === FrameType.PING) this.#ping(bytes, start, end);
    else if (type === FrameType.PONG) this.#pong();
    else if (type === FrameType.GOAWAY) this.#goAway(flags, bytes, start, end);
    else if (type === FrameType.HELLO) this.#hello(bytes, start, end);
    else if (type === FrameType.LOAD && this.#speaksLoad) this.#owner.loadTold?.(bytes, start, end, this.readAt);
    else if (type === FrameType.PIECE_CREDIT) this.#pieceCredit(bytes, start, end);
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

  /** The position of the first frame in this chunk; -1 when the preface is incomplete, or the peer speaks another protocol. */
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

  /** Bytes of a piece have come: grants more when half of the credit is used. */
  #tookPiece(bytes: number): void {
    this.#pieceBytes += bytes;
    if (!this.#grantsPieces || 2 * this.#pieceBytes < this.#limits.pieceCreditBytes || !this.isOpen) return;
    writePieceCredit(this.output, this.#pieceBytes);
    this.#pieceBytes = 0;
    this.output.commit();
  }

  #pieceCredit(bytes: Buffer, start: number, end: number): void {
    if (!this.writes.granted(readCredit(bytes, start, end)))
      this.ignoreFrame('a PIECE_CREDIT for which nothing was sent');
  }

  #pong(): void {
    if (!this.keepalive.alive()) this.ignoreFrame('a PONG that was not asked for');
  }

  #goAway(flags: number, bytes: Buffer, start: number, end: number): void {
    if (this.#hasGoAway) this.ignoreFrame('one more GOAWAY');
    this.#hasGoAway = true;
    const { code, reason } = parseGoAway(bytes, start, end);
    this.#owner.goAway(code, reason, flags);
  }

  #hello(bytes: Buffer, start: number, end: number): void {
    if (this.#greeted) throw new ProtocolError('a second HELLO');
    const hello = readGreeting(this.#codec, bytes, start, end);
    this.#greeted = true;
    this.version = Math.min(PROTOCOL_VERSION, hello.version);
    this.bodyBytesMax = Math.min(this.bodyBytesMax, hello.messageBytes);
    this.#grantsPieces = hello.pieceCredit !== undefined;
    this.writes.greeted(hello.pieceCredit);
    if (hello.instance !== '') this.#peer = Object.freeze({ ...this.#bytes.peer, name: hello.instance });
    this.#owner.greeted(hello);
  }
}
