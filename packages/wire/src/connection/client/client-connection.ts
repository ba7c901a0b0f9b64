import type { Call, Clock, Code, Limits, Progress, RpcError, Unasked } from '@org/rpc-core';
import { COMPRESSED } from '../../frames/compressed.js';
import { CancelReason, FrameType, GoAwayCode, GoAwayFlag, ProtocolError, ReplyFlag } from '../../frames/frame.js';
import { createRequestHead, writeCancel, writeLoad } from '../../frames/frame-writer.js';
import type { Hello } from '../../frames/hello.js';
import { LOAD_BYTES, readLoad, type ServerLoad } from '../../frames/load.js';
import { isProof, type Proofs, proofsOf } from '../../frames/proof.js';
import { readStanding, writeAsk } from '../../frames/standing-frames.js';
import { CallOwner, type CallWire, callError, type GivenUp, isSilent, unfitAnswer } from '../calls/call-owner.js';
import { InFlight } from '../calls/in-flight.js';
import type { ChannelOwner } from '../channel/channel-owner.js';
import { FrameChannel } from '../channel/frame-channel.js';
import { KnownMetadata } from '../channel/known-metadata.js';
import { clientFlushMessages } from '../channel/output.js';
import { Deflater, putFrame } from '../compression/deflater.js';
import { Streams } from '../streams/streams.js';
import type { CallConnection, ClientConnectionOptions } from './client-protocol.js';
import { CompressedReplies } from './compressed-replies.js';
import { ReplyReader } from './reply-reader.js';
import { appendCall } from './write-call.js';

/**
 * How many calls go to a server that has not said a word yet. One that has no descriptor left, or dies while it starts, takes them all with
 * it, and nobody can say that they were not served: a burst of hundreds would use up the budget for repeats. The rest waits for the HELLO.
 */
const CALLS_BEFORE_HELLO = 16;

/**
 * The client's end of a connection that many calls share. Calls go out at once, before the server's HELLO has come, under the
 * default limits. Every call given to `send` settles exactly once.
 */
export class ClientConnection implements CallConnection, CallWire, ChannelOwner {
  readonly #options: ClientConnectionOptions;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #channel: FrameChannel;
  readonly #calls: CallOwner;
  readonly #inFlight = new InFlight();
  readonly #head = createRequestHead();
  readonly #metadata: KnownMetadata;
  readonly #streams: Streams;
  readonly #deflater: Deflater | undefined;
  readonly #replies: ReplyReader;
  readonly #compressed: CompressedReplies;
  /** Calls that are being compressed. Nothing is sent of those that end meanwhile. */
  readonly #compressing = new Set<Call>();
  /** Whether a one-way call was ever sent here. */
  #hasNotified = false;
  readonly load: ServerLoad | undefined;
  /** Whether the server answers when it is asked how busy it is. */
  #tellsLoad = false;
  /** Who waits for that answer. */
  #asking: (() => void)[] = [];
  #callsMax: number;
  /** Whether the server answers ASK. */
  #knowsAsk = false;
  readonly #proofs: Proofs | undefined;
  /**
   * Whether both sides know each other as far as they have to: the server has proved that it is the one of the registry's entry, if
   * that has a secret, and has let in whom the token names, if there is one. No call is sent before.
   */
  #isProven: boolean;
  #isDenied = false;
  /** How far calls in flight got when the connection is lost: a wrong instance has run none of them. */
  #lostProgress: Progress = 'maybe-processed';
  /** Replies that came after their call was given up. */
  #lateReplies = 0;

  constructor(options: ClientConnectionOptions) {
    const { stream, codec, limits, clock, timers, keepalive } = options;
    this.#options = options;
    this.#limits = limits;
    this.#metadata = new KnownMetadata(limits);
    this.#clock = clock;
    this.#callsMax = Math.min(limits.callsInFlight, CALLS_BEFORE_HELLO);
    this.#calls = new CallOwner({ wire: this, clock, timers });
    this.#channel = new FrameChannel({ stream, codec, limits, clock, keepalive, owner: this, expectPreface: false });
    this.#deflater = options.compression && new Deflater(options.compression, limits);
    this.#replies = new ReplyReader(this.#channel, limits);
    this.#compressed = new CompressedReplies(this, this.#channel, this.#inFlight, limits);
    this.#streams = new Streams(this.#channel, codec, limits, this.#deflater);
    this.#channel.start();
    const { expectInstance: expect, contracts, secret, token } = options;
    this.#proofs = secret === undefined ? undefined : proofsOf(secret, expect);
    this.#isProven = this.#proofs === undefined && token === undefined;
    const proof = this.#proofs?.client;
    const instance = options.name ?? '';
    const load = options.wantsLoad === true;
    if (load) this.load = { inFlight: 0, queueMs: 0, at: Number.NEGATIVE_INFINITY };
    this.#channel.greet({ instance, expect, contracts, proof, token, load, uptimeMs: Math.floor(clock.now()) }, true);
  }

  /** Whether it takes calls. */
  get isOpen(): boolean {
    return this.#calls.isOpen;
  }

  /** Whether one more call has to wait: as many are in flight, or as much is to be written, as the limits allow. */
  get isFull(): boolean {
    return this.#inFlight.size >= this.#callsMax || this.#channel.isFull || !this.#isProven;
  }

  get isGreeted(): boolean {
    return this.#channel.isGreeted;
  }

  get heardAt(): number {
    return this.#channel.readAt;
  }

  get isSuspect(): boolean {
    return this.#channel.keepalive.isSuspect;
  }

  /** The minor version of the protocol that both sides speak. */
  get version(): number {
    return this.#channel.version;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  /** How many answers came too late and were dropped. */
  get lateReplies(): number {
    return this.#lateReplies;
  }

  send(call: Call): Promise<unknown> {
    return this.#calls.send(call);
  }

  askLoad(onAnswer: () => void): boolean {
    if (!this.#tellsLoad || !this.#channel.isOpen || this.#channel.isFull) return false;
    this.#asking.push(onAnswer);
    // One question at a time: its answer is for all who ask meanwhile.
    if (this.#asking.length > 1) return true;
    writeLoad(this.#channel.output);
    this.#channel.output.commit();
    return true;
  }

  // CallWire

  get size(): number {
    return this.#inFlight.size;
  }

  /** Many large calls at once are nobody's mistake: they wait within their deadlines, in a queue that is bounded too. */
  refusal(call: Call): RpcError | undefined {
    const { waiting } = this.#calls;
    const { callsInFlight } = this.#limits;
    if (waiting < callsInFlight) return undefined;
    // Before the HELLO those wait, too, that go out when it comes.
    if (!this.isGreeted && waiting + this.#inFlight.size < 2 * callsInFlight) return undefined;
    const reason = `${waiting} calls wait for this connection, which has ${this.#inFlight.size} in flight or too much to write (limits.callsInFlight, limits.writeQueueBytes)`;
    return callError(call, 'RESOURCE_EXHAUSTED', reason, 'unsent');
  }

  mustWait(): boolean {
    return this.isFull;
  }

  transmit(call: Call, at: number): RpcError | undefined {
    const { output } = this.#channel;
    const start = output.position;
    const id = call.oneWay ? 0 : this.#inFlight.add(call);
    const { codec } = this.#options;
    const isCompressed = this.#deflater?.isOn === true;
    const refusal = appendCall(this.#channel, codec, this.#metadata, call, id, at, this.#head, isCompressed);
    if (refusal !== undefined) {
      this.#inFlight.take(id);
      return refusal;
    }
    const compressing = this.#deflater?.compress(output, start);
    if (compressing === undefined) this.#sent(call, start);
    else {
      this.#compressing.add(call);
      void compressing.then((frame) => this.#sendCompressed(call, frame));
    }
    return undefined;
  }

  #sendCompressed(call: Call, frame: Buffer): void {
    if (!this.#compressing.delete(call)) return;
    this.#sent(call, putFrame(this.#channel.output, frame));
    this.#calls.proceed();
  }

  /** Its frame, which begins at `start` of the output, is complete. */
  #sent(call: Call, start: number): void {
    const { output, writes } = this.#channel;
    if (call.oneWay) {
      this.#hasNotified = true;
      output.afterWritten(() => this.#calls.written(call));
    }
    output.flushMessages = clientFlushMessages(this.#inFlight.size);
    writes.commit(start, call.oneWay ? 0 : call.id);
    if (call.stream !== undefined) call.stream.opened(call, this.#streams.open(call.id, call.stream.received));
  }

  ask(call: Call): Unasked | undefined {
    if (!this.#channel.isGreeted) return 'silent';
    if (!this.#knowsAsk || this.#compressing.has(call)) return 'cannot';
    writeAsk(this.#channel.output, call.id);
    this.#channel.output.commit();
    return undefined;
  }

  giveUp(call: Call, why: GivenUp): Progress | undefined {
    if (this.#inFlight.take(call.id) === undefined) return undefined;
    const isCut = this.#detach(call);
    if (this.#compressing.delete(call)) return 'unsent';
    if (why === 'hedge lost') this.#cancel(call.id, CancelReason.HEDGE_LOST);
    else if (isCut || why === 'caller') this.#cancel(call.id);
    // The process may be frozen or its host gone. Busy servers answer a PING.
    const now = this.#clock.now();
    if (why === 'expired' && isSilent(this.#channel.readAt, call, now)) this.#channel.keepalive.suspect(now);
    return 'maybe-processed';
  }

  giveUpAll(lost: (call: Call, progress: Progress) => void): void {
    const oneWay = [...this.#compressing].filter((call) => call.oneWay);
    for (const call of [...this.#inFlight.takeAll(), ...oneWay]) {
      const progress = this.#streams.hasItems(call.id) ? 'maybe-processed' : this.#lostProgress;
      this.#detach(call);
      lost(call, this.#compressing.delete(call) ? 'unsent' : progress);
    }
  }

  finish(): void {
    if (this.#compressing.size === 0 && this.#channel.isOpen) this.#channel.endWriting();
  }

  /** Looks after keepalive and stalls; called about once a second. */
  tick(now: number): void {
    this.#channel.tick(now);
  }

  /** Takes no more calls; closes when those in flight are answered. */
  drain(): void {
    this.#calls.drain();
  }

  /** Closes at once; calls in flight fail. */
  close(reason: string): void {
    if (this.#channel.isOpen) this.#sayShutdown();
    this.closed(reason);
    // One-way calls that have been confirmed may still wait here for a busy server: they must arrive.
    if (this.#hasNotified && this.#channel.writes.waitingBytes > 0) this.#channel.closeAfterWriting(reason);
    else this.#channel.destroy(reason);
  }

  /** Tells the server why the calls end. */
  #sayShutdown(): void {
    const { output } = this.#channel;
    const calls = this.#inFlight.values();
    for (const { id } of calls) writeCancel(output, id, CancelReason.SHUTDOWN);
    if (calls.length > 0) output.flush();
  }

  // ChannelOwner

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number, readAt: number): void {
    if (type > FrameType.CANCEL) {
      if (type === FrameType.STANDING) return this.#standing(id, bytes, start, end, readAt);
      if (type === FrameType.ASK) throw new ProtocolError(`frame type ${type} does not come from a server`);
      if (type !== FrameType.END) return this.#streams.frame(type, flags, id, bytes, start, end);
      // Only a stream ends so; `streams` handles the END of a stream that is gone.
      if (!this.#streams.has(id)) return void this.#streams.ended(id);
    } else if (type !== FrameType.RESPONSE && type !== FrameType.ERROR)
      throw new ProtocolError(`frame type ${type} does not come from a server`);
    if (id === 0) throw new ProtocolError('a reply to call 0');
    if ((flags & COMPRESSED) !== 0 && type === FrameType.RESPONSE) {
      if (!this.#compressed.read(flags, id, bytes, start, end, readAt)) this.#lateReplies++;
      return;
    }
    if ((flags & ReplyFlag.LOAD) !== 0) this.#heardLoad(bytes, start, end, readAt);
    const hasItems = type === FrameType.ERROR && this.#streams.hasItems(id);
    const call = this.#take(id, readAt);
    if (call === undefined) return void this.#lateReplies++;
    this.#replies.settle(call, type, flags, bytes, start, end, hasItems);
    this.#calls.proceed();
  }

  loadTold(bytes: Buffer, start: number, end: number, readAt: number): void {
    if (end - start !== LOAD_BYTES)
      throw new ProtocolError(`a LOAD of a server has ${LOAD_BYTES} bytes, not ${end - start}`);
    if (this.#asking.length === 0) return this.#channel.ignoreFrame('a LOAD that was not asked for');
    readLoad(this.load!, bytes, start, end, readAt);
    this.#answerAsking();
  }

  /** The server says where a call stands; nobody wants to know it of one that is over. */
  #standing(id: number, bytes: Buffer, start: number, end: number, readAt: number): void {
    const standing = readStanding(bytes, start, end, readAt);
    const trail = this.#inFlight.get(id)?.trail;
    if (trail === undefined) return;
    const before = trail.standing;
    trail.standing = standing.isDone === true && before !== undefined ? { ...standing, before } : standing;
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

  /** What came for a call cannot be read, and only this call fails. `goesOn`: its handler still runs. */
  failReply(id: number, code: Code, reason: string, goesOn = false): void {
    const call = this.#take(id, this.#clock.now(), goesOn);
    call?.fail(unfitAnswer(call, code, reason));
    this.#calls.proceed();
  }

  /** @throws ProtocolError when the server does not show that it is the one of the registry's entry */
  greeted(hello: Hello): void {
    if (this.#proofs !== undefined) {
      if (!isProof(hello.proof, this.#proofs.server)) throw new ProtocolError(NO_PROOF, GoAwayCode.NOT_ACCEPTED);
    }
    this.#isProven = true;
    this.#callsMax = Math.min(this.#limits.callsInFlight, hello.callsInFlight);
    this.#tellsLoad = this.load !== undefined && hello.load === true;
    this.#knowsAsk = hello.standing === true;
    this.#deflater?.greeted(hello);
    this.#streams.greeted(hello);
    this.#options.observer.greeted(hello);
    this.#calls.proceed();
  }

  goAway(code: number, reason: string, flags: number): void {
    if (code === GoAwayCode.DRAINING) {
      if (this.#calls.isDraining) return;
      for (const { stream } of this.#inFlight.values()) stream?.draining?.(reason);
      const { observer } = this.#options;
      if ((flags & GoAwayFlag.REPLACE) !== 0 && observer.aged !== undefined) return observer.aged(reason);
      this.#options.observer.draining(reason);
      this.#calls.drain();
    } else {
      if (code === GoAwayCode.WRONG_INSTANCE || code === GoAwayCode.NOT_ACCEPTED) this.#lostProgress = 'refused';
      this.#isDenied = code === GoAwayCode.NOT_ACCEPTED && (flags & GoAwayFlag.UNAUTHENTICATED) !== 0;
      this.#lose(`closed by the server: ${reason}`);
    }
  }

  isNeeded(): boolean {
    return this.#calls.size > 0;
  }

  ended(): void {
    this.#compressed.whenIdle(() => this.#lose('the connection was closed by the other end'));
  }

  drained(): void {
    this.#calls.proceed();
    this.#streams.wake();
  }

  closed(reason: string): void {
    if (this.#calls.isClosed) return;
    this.#channel.writes.dropCalls();
    this.#calls.lose(reason, this.#isDenied ? 'UNAUTHENTICATED' : 'UNAVAILABLE');
    this.#answerAsking();
    this.#options.observer.closed(reason, this.#isDenied);
  }

  /** What came with an answer. One that is cut short is for the reader of the answer to find. */
  #heardLoad(bytes: Buffer, start: number, end: number, readAt: number): void {
    if (this.load === undefined || readAt < this.load.at || end - start < LOAD_BYTES) return;
    readLoad(this.load, bytes, start, end, readAt);
  }

  #answerAsking(): void {
    const asking = this.#asking;
    if (asking.length === 0) return;
    this.#asking = [];
    for (const onAnswer of asking) onAnswer();
  }

  /** Takes out a call whose answer has come. `goesOn`: its handler still runs. */
  #take(id: number, at: number, goesOn = false): Call | undefined {
    const call = this.#inFlight.take(id);
    if (call === undefined) return undefined;
    if (this.#detach(call) || goesOn) this.#cancel(id);
    this.#calls.answered(call, at);
    return call;
  }

  /**
   * Drops what a call is still sending or receiving. Returns whether the peer must be told, because it has part of a message or
   * is sending one.
   */
  #detach(call: Call): boolean {
    const { incoming } = this.#channel;
    const isBeingSent = !incoming.isEmpty && incoming.drop(call.id);
    const isCut = this.#streams.dropUnsent(call.id) || isBeingSent;
    if (call.stream !== undefined) this.#streams.close(call.id);
    return isCut;
  }

  #lose(reason: string): void {
    this.closed(reason);
    this.#channel.destroy(reason);
  }

  #cancel(id: number, reason: number = CancelReason.CALLER): void {
    if (!this.#channel.isOpen) return;
    writeCancel(this.#channel.output, id, reason);
    this.#channel.output.commit();
  }
}

/** The error for a server that does not know the secret of its registry entry. */
const NO_PROOF =
  'the program that answers there does not know the secret of its entry in the registry: another one may have taken the port of a server that has ended';
