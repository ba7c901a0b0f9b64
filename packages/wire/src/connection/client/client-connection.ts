import type { Call, CallHolder, Clock, Code, Limits, Progress, RpcError } from '@org/rpc-core';
import { cancelledError, markLate } from '@org/rpc-core/internal';
import { COMPRESSED } from '../../frames/compressed.js';
import { CancelReason, FrameType, GoAwayCode, ProtocolError } from '../../frames/frame.js';
import { writeCancel } from '../../frames/frame-writer.js';
import type { Hello } from '../../frames/hello.js';
import { callError, fullError } from '../calls/call-error.js';
import { holdCall, releaseCall } from '../calls/held-call.js';
import { InFlight } from '../calls/in-flight.js';
import type { ChannelOwner } from '../channel/channel-owner.js';
import { FrameChannel } from '../channel/frame-channel.js';
import { Deflater, putFrame } from '../compression/deflater.js';
import { Streams } from '../streams/streams.js';
import type { ClientConnectionOptions } from './client-connection-options.js';
import type { CallConnection } from './client-protocol.js';
import { CompressedReplies } from './compressed-replies.js';
import { settleCall } from './read-reply.js';
import { sayShutdown } from './say-shutdown.js';
import { UnsentCalls } from './unsent-calls.js';
import { appendCall } from './write-call.js';

/**
 * The client's end of a connection that many calls share. Calls go out at once, before the server's HELLO has come, under the
 * default limits. Every call given to `send` settles exactly once.
 */
export class ClientConnection implements CallConnection, CallHolder, ChannelOwner {
  readonly #options: ClientConnectionOptions;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #channel: FrameChannel;
  readonly #inFlight = new InFlight();
  readonly #streams: Streams;
  readonly #deflater: Deflater | undefined;
  readonly #compressed: CompressedReplies;
  readonly #unsent = new UnsentCalls();
  #callsMax: number;
  #draining = false;
  /** How far calls in flight got when the connection is lost: another instance than was meant has run none of them. */
  #lostProgress: Progress = 'maybe-processed';
  #closedReason: string | undefined;
  /** Replies that came after their call was given up. */
  #lateReplies = 0;

  constructor(options: ClientConnectionOptions) {
    const { stream, codec, limits, clock } = options;
    this.#options = options;
    this.#limits = limits;
    this.#clock = clock;
    this.#callsMax = limits.callsInFlight;
    this.#channel = new FrameChannel({ stream, codec, limits, clock, owner: this, expectPreface: false });
    this.#deflater = options.compression && new Deflater(options.compression, limits);
    this.#compressed = new CompressedReplies(this, this.#channel, this.#inFlight, limits);
    this.#streams = new Streams(this.#channel, codec, limits, this.#deflater);
    this.#channel.start();
    this.#channel.greet({ instance: '', expect: options.expectInstance, uptimeMs: Math.floor(clock.now()) }, true);
  }

  /** Whether it takes calls. */
  get isOpen(): boolean {
    return this.#closedReason === undefined && !this.#draining;
  }

  /** Whether it would refuse one more call: as many in flight, or as much to be written, as the limits allow. */
  get isFull(): boolean {
    return this.#inFlight.size >= this.#callsMax || this.#channel.isFull;
  }

  get isGreeted(): boolean {
    return this.#channel.isGreeted;
  }

  /** The minor version of the protocol that both sides speak. */
  get version(): number {
    return this.#channel.version;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** How many answers came too late and were dropped. */
  get lateReplies(): number {
    return this.#lateReplies;
  }

  /** Sends a call. The promise settles by its `attemptDeadline`, whatever the server does. */
  send(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      call.resolve = resolve;
      call.reject = reject;
      this.#send(call);
    });
  }

  #send(call: Call): void {
    if (!this.isOpen)
      return call.fail(callError(call, 'UNAVAILABLE', this.#closedReason ?? 'the server is draining', 'unsent'));
    if (this.isFull) return call.fail(fullError(call, this.#inFlight.size));
    if (call.signal?.aborted) return call.fail(cancelledError(call));
    const { output } = this.#channel;
    const start = output.position;
    const id = call.oneWay ? 0 : this.#inFlight.add(call);
    const refusal = appendCall(this.#channel, this.#options.codec, this.#limits, call, id);
    if (refusal !== undefined) {
      this.#inFlight.take(id);
      return call.fail(refusal);
    }
    if (!call.oneWay) holdCall(call, this, this.#options.timers);
    const compressing = this.#deflater?.compress(output, start);
    if (compressing === undefined) this.#sent(call, start);
    else this.#unsent.wait(call, compressing, (frame) => this.#sendCompressed(call, frame));
  }

  #sendCompressed(call: Call, frame: Buffer): void {
    if (call.oneWay || call.holder === this) this.#sent(call, putFrame(this.#channel.output, frame));
    this.#endIfDrained();
  }

  /** Its frame, which begins at `start` of the output, is complete. */
  #sent(call: Call, start: number): void {
    const { output, writes } = this.#channel;
    if (call.oneWay) output.afterWritten(() => this.#written(call));
    writes.commit(start, call.oneWay ? 0 : call.id);
    if (call.stream !== undefined) call.stream.opened(call, this.#streams.open(call.id, call.stream.received));
  }

  /** A one-way call ends when it is handed to the stream, unless that was dropped before. */
  #written(call: Call): void {
    call.endedAt = this.#clock.now();
    if (this.#closedReason === undefined) call.succeed(undefined);
    else call.fail(callError(call, 'UNAVAILABLE', this.#closedReason, 'unsent'));
  }

  // CallHolder

  expire(call: Call, late: boolean): void {
    if (this.#release(call.id) === undefined) return;
    call.endedAt = this.#clock.now();
    const waitedMs = Math.round(call.endedAt - call.startedAt);
    const progress = this.#unsent.drop(call) ? 'unsent' : 'maybe-processed';
    const error = callError(call, 'DEADLINE_EXCEEDED', `no reply in ${waitedMs} ms`, progress);
    if (late) markLate(error);
    // Not one byte since the call was sent: the process may be frozen or its host gone. Busy servers answer a PING.
    else if (this.#channel.readAt < call.startedAt) this.#channel.keepalive.suspect(call.endedAt);
    call.fail(error);
    this.#endIfDrained();
  }

  abandon(call: Call, error: RpcError): void {
    if (this.#inFlight.take(call.id) === undefined) return;
    this.#detach(call);
    call.endedAt = this.#clock.now();
    const isUnsent = this.#unsent.drop(call);
    if (!isUnsent) this.#cancel(call.id);
    error.progress = isUnsent ? 'unsent' : 'maybe-processed';
    error.endpoint = call.destination?.address;
    call.fail(error);
    this.#endIfDrained();
  }

  /** Looks after keepalive and stalls; called about once a second. */
  tick(now: number): void {
    this.#channel.tick(now);
  }

  /** Takes no more calls; closes when those in flight are answered. */
  drain(): void {
    this.#draining = true;
    this.#endIfDrained();
  }

  /** Closes at once; calls in flight fail. */
  close(reason: string): void {
    if (this.#channel.isOpen) sayShutdown(this.#channel.output, this.#inFlight.values());
    this.#lose(reason);
  }

  // ChannelOwner

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number, readAt: number): void {
    if (type > FrameType.CANCEL) {
      if (type !== FrameType.END) return this.#streams.frame(type, flags, id, bytes, start, end);
      // The last items have come; the call itself ends below.
      if (this.#streams.ended(id) === undefined) return;
    } else if (type !== FrameType.RESPONSE && type !== FrameType.ERROR)
      throw new ProtocolError(`frame type ${type} does not come from a server`);
    if (id === 0) throw new ProtocolError('a reply to call 0');
    if ((flags & COMPRESSED) !== 0 && type === FrameType.RESPONSE) {
      if (!this.#compressed.read(flags, id, bytes, start, end, readAt)) this.#lateReplies++;
      return;
    }
    const call = this.#release(id);
    if (call === undefined) return void this.#lateReplies++;
    call.endedAt = readAt;
    settleCall(call, type, flags, bytes, start, end, this.#channel.decode, this.#limits);
    this.#endIfDrained();
  }

  announced(type: number, _flags: number, id: number, bodyBytes: number): boolean {
    if (type === FrameType.ITEM) return this.#streams.announced(id, bodyBytes);
    if (type === FrameType.REQUEST) throw new ProtocolError(`frame type ${type} does not come from a server`);
    if (this.#inFlight.has(id)) return true;
    this.#lateReplies++;
    return false;
  }

  oversized(type: number, _flags: number, id: number, bodyBytes: number): void {
    const isItem = type === FrameType.ITEM;
    if (isItem) this.#streams.skipped(id, bodyBytes);
    const reason = `the ${isItem ? 'item' : 'reply'} has ${bodyBytes} bytes, more than the limit of ${this.#limits.messageBytes} (limits.messageBytes)`;
    this.failReply(id, 'RESOURCE_EXHAUSTED', reason, isItem);
  }

  /** What came for a call cannot be read; nothing but the call suffers. `goesOn`: its handler has not ended with that. */
  failReply(id: number, code: Code, reason: string, goesOn = false): void {
    const call = this.#release(id, goesOn);
    call?.fail(callError(call, code, reason, 'processed'));
    this.#endIfDrained();
  }

  greeted(hello: Hello): void {
    this.#callsMax = Math.min(this.#limits.callsInFlight, hello.callsInFlight);
    this.#deflater?.greeted(hello);
    this.#streams.greeted(hello);
    this.#options.observer.greeted(hello);
  }

  goAway(code: number, reason: string): void {
    if (code === GoAwayCode.DRAINING) {
      if (this.#draining) return;
      this.#draining = true;
      this.#options.observer.draining(reason);
      this.#endIfDrained();
    } else {
      if (code === GoAwayCode.WRONG_INSTANCE || code === GoAwayCode.NOT_ACCEPTED) this.#lostProgress = 'refused';
      this.#lose(`closed by the server: ${reason}`);
    }
  }

  ended(): void {
    this.#compressed.whenIdle(() => this.#lose('the connection was closed by the other end'));
  }

  drained(): void {
    this.#streams.wake();
  }

  closed(reason: string): void {
    if (this.#closedReason !== undefined) return;
    this.#closedReason = reason;
    this.#channel.writes.clear();
    const now = this.#clock.now();
    for (const call of [...this.#inFlight.takeAll(), ...this.#unsent.oneWay]) {
      this.#detach(call);
      call.endedAt = now;
      const progress = this.#unsent.drop(call) ? 'unsent' : this.#lostProgress;
      call.fail(callError(call, 'UNAVAILABLE', `connection lost before the reply: ${reason}`, progress));
    }
    this.#options.observer.closed(reason);
  }

  #endIfDrained(): void {
    if (!this.#draining || this.#inFlight.size + this.#unsent.size > 0) return;
    if (this.#channel.isOpen) this.#channel.endWriting();
  }

  /** Takes a call out of the table and off its timer and signal. `goesOn`: the server would not end it by itself. */
  #release(id: number, goesOn = false): Call | undefined {
    const call = this.#inFlight.take(id);
    if (call !== undefined && (this.#detach(call) || goesOn)) this.#cancel(id);
    return call;
  }

  /** Ends what a call has under way. Returns whether the peer needs to be told: it has part of a message, or is sending one. */
  #detach(call: Call): boolean {
    const { incoming } = this.#channel;
    const isBeingSent = !incoming.isEmpty && incoming.drop(call.id);
    const isCut = this.#streams.dropUnsent(call.id) || isBeingSent;
    if (call.stream !== undefined) this.#streams.close(call.id);
    releaseCall(call, this.#options.timers);
    return isCut;
  }

  #lose(reason: string): void {
    this.closed(reason);
    this.#channel.destroy(reason);
  }

  #cancel(id: number): void {
    if (!this.#channel.isOpen) return;
    writeCancel(this.#channel.output, id, CancelReason.CALLER);
    this.#channel.output.commit();
  }
}
