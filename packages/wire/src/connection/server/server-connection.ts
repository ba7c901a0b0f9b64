import { isRpcError, type Peer, type RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { COMPRESSED } from '../../frames/compressed.js';
import {
  CancelReason,
  FrameType,
  GoAwayCode,
  GoAwayFlag,
  MORE,
  ProtocolError,
  RequestFlag,
} from '../../frames/frame.js';
import { createParsedRequest, parseRequest } from '../../frames/frame-parser.js';
import type { Hello } from '../../frames/hello.js';
import { isMessagePackRpc } from '../../frames/message-pack-rpc.js';
import { isProof, proofsOf } from '../../frames/proof.js';
import { foreignAnswer, plainAnswer } from '../../transport/plain-answer.js';
import type { ChannelOwner } from '../channel/channel-owner.js';
import { FrameChannel } from '../channel/frame-channel.js';
import { KnownMetadata } from '../channel/known-metadata.js';
import { Deflater } from '../compression/deflater.js';
import { createServedStream, ItemQueue } from '../streams/item-queue.js';
import { Streams } from '../streams/streams.js';
import { CallRights } from './call-rights.js';
import { Entrance } from './entrance.js';
import { IncomingCall, type MethodEntry } from './incoming-call.js';
import { KnownMethods } from './known-methods.js';
import { NativeAnswers } from './native-answers.js';
import {
  checkCompressed,
  checkOpening,
  itemTooLarge,
  readMetadata,
  requestCost,
  requestTooLarge,
} from './request-checks.js';
import { cutOff, RunningCalls } from './running-calls.js';
import type { ServedConnection, ServerConnectionOptions, Successor } from './server-host.js';

/**
 * The server's end of a connection: frames become calls, results become frames. A peer's mistake closes its connection, a
 * handler's mistake fails its call; neither reaches further.
 */
export class ServerConnection<Entry extends MethodEntry = MethodEntry> implements ServedConnection, ChannelOwner {
  readonly #options: ServerConnectionOptions<Entry>;
  readonly #channel: FrameChannel;
  readonly #running: RunningCalls<Entry>;
  readonly #answers: NativeAnswers<Entry>;
  readonly #parsed = createParsedRequest();
  readonly #methods: KnownMethods<Entry>;
  readonly #metadata: KnownMetadata;
  readonly #rights: CallRights;
  readonly #streams: Streams;
  readonly #deflater: Deflater | undefined;
  readonly #entrance: Entrance;
  /** Whether the client can have read that this side inflates. */
  #offersInflating = false;
  #successor: Successor<Entry> | undefined;
  #refusing: string | undefined;
  /**
   * Whether calls that nobody can send again are still served although others are refused: they crossed the GOAWAY on their way.
   */
  #servesLast = true;
  #draining: string | undefined;
  #peerEnded = false;
  #closed = false;

  constructor(options: ServerConnectionOptions<Entry>) {
    const { stream, codec, limits, memory, clock, keepalive } = options;
    this.#options = options;
    memory?.opened();
    this.#methods = new KnownMethods(options.host);
    this.#metadata = new KnownMetadata(limits);
    this.#rights = new CallRights(limits);
    this.#running = new RunningCalls(limits, memory);
    this.#channel = new FrameChannel({
      stream,
      codec,
      limits,
      clock,
      keepalive,
      memory,
      owner: this,
      expectPreface: true,
    });
    this.#deflater = options.compression && new Deflater(options.compression, limits);
    this.#streams = new Streams(this.#channel, codec, limits, this.#deflater);
    this.#entrance = new Entrance({ ...options, channel: this.#channel });
    this.#answers = new NativeAnswers({
      channel: this.#channel,
      connection: options,
      running: this.#running,
      streams: this.#streams,
      deflater: this.#deflater,
      peer: () => this.peer,
      onEnded: () => this.#endIfIdle(),
    });
    this.#channel.start();
  }

  get peer(): Peer {
    return this.#entrance.peer;
  }

  /** Whether it has greeted, or may: before that, a peer could not read a frame, or is a stranger. */
  get #isGreeted(): boolean {
    return this.#channel.isGreeted && !this.#entrance.isBusy;
  }

  /** The minor version of the protocol that both sides speak. */
  get version(): number {
    return this.#channel.version;
  }

  /** How many handlers run on behalf of this connection, those included whose caller has given up. */
  get running(): number {
    return this.#successor?.running ?? this.#running.size;
  }

  /** These calls. */
  get calls(): Iterable<IncomingCall<Entry>> {
    return this.#successor?.calls ?? this.#running.all();
  }

  drain(reason: string): void {
    this.#draining = reason;
    if (this.#isGreeted) this.#channel.sayGoAway(GoAwayCode.DRAINING, reason);
  }

  retire(reason: string): void {
    if (this.#successor !== undefined) return this.#successor.retire(reason);
    if (this.#isGreeted && this.#draining === undefined)
      this.#channel.sayGoAway(GoAwayCode.DRAINING, reason, GoAwayFlag.REPLACE);
  }

  refuseNew(reason: string): void {
    this.#refusing = reason;
    this.#successor?.refuseNew(reason);
  }

  close(reason: string): void {
    if (this.#successor !== undefined) return this.#successor.close(reason);
    this.#running.abandonOneWay(reason);
    if (!this.#isGreeted || !this.#channel.isOpen) return this.#drop(reason);
    for (const call of [...this.#running.values()]) this.#breakOff(call.id, cutOff(call, reason));
    // The answers are still to be sent: a connection that is dropped at once would lose them.
    this.#channel.closeFor(GoAwayCode.DRAINING, reason);
  }

  tick(now: number): void {
    this.#successor?.tick(now);
    this.#channel.tick(now);
  }

  // ChannelOwner

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number, readAt: number): void {
    if ((flags & COMPRESSED) !== 0) checkCompressed(type, this.#offersInflating);
    if (type === FrameType.REQUEST) this.#request(flags, id, bytes, start, end, readAt);
    else if (type === FrameType.CANCEL) this.#cancel(id, start < end ? bytes[start]! : 0, readAt);
    else if (type === FrameType.ASK) this.#asked(id, readAt);
    else if (type > FrameType.CANCEL && type < FrameType.ASK) this.#streams.frame(type, flags, id, bytes, start, end);
    else throw new ProtocolError(`frame type ${type} does not come from a client`);
  }

  #request(flags: number, id: number, bytes: Buffer, start: number, end: number, readAt: number): void {
    const parsed = this.#parsed;
    parseRequest(parsed, bytes, start, end);
    const { remainingMs, metadataStart, payloadStart } = parsed;
    if ((flags & MORE) === 0) this.#opens(flags, id);
    else this.#running.arrived(id);
    // Its items may follow at once, also when the call is refused.
    const stream =
      (flags & RequestFlag.STREAM) === 0
        ? undefined
        : createServedStream((received) => this.#streams.open(id, received));
    const entry = this.#methods.find(bytes, parsed.nameStart, metadataStart, parsed.serviceLength);
    if ('code' in entry) return this.#refuse(id, entry);
    const leftMs =
      remainingMs === 0 ? Number.POSITIVE_INFINITY : remainingMs - (this.#options.host.stallBefore?.(readAt) ?? 0);
    const call = new IncomingCall<Entry>(
      this.#answers,
      entry,
      id,
      readAt + leftMs,
      flags,
      parsed.attempt,
      parsed.priority,
    );
    if (leftMs >= MUCH_TIME_MS) call.hasTime = true;
    call.stream = stream;
    call.grantedMs = remainingMs;
    if (metadataStart !== payloadStart) {
      const metadata = readMetadata(bytes, metadataStart, payloadStart, this.#metadata);
      if (isRpcError(metadata)) return this.#refuse(id, metadata, entry);
      call.metadata = metadata;
    }
    const requestBytes = requestCost(flags, bytes, start, payloadStart, end);
    if (requestBytes > this.#options.limits.messageBytes)
      return this.#refuse(id, requestTooLarge(requestBytes, this.#options.limits), entry);
    const isFinal = call.oneWay || entry.takesItems === true;
    const refusal = this.#refusal(requestBytes, isFinal);
    if (refusal !== undefined) return this.#refuse(id, refusal, entry);
    call.requestBytes = requestBytes;
    this.#options.host.serve(call, bytes, payloadStart, end);
  }

  /** A request has come, or begun to come. @throws ProtocolError when it can't have this id */
  #opens(flags: number, id: number): void {
    checkOpening(flags, id, this.#running.get(id) !== undefined);
    if (id !== 0) this.#rights.opened();
  }

  announced(type: number, flags: number, id: number, bodyBytes: number): boolean {
    if (type === FrameType.ITEM) return this.#streams.announced(id, bodyBytes);
    if (type !== FrameType.REQUEST) throw new ProtocolError(`frame type ${type} does not come from a client`);
    this.#opens(flags, id);
    const refusal = this.#refusal(bodyBytes, (flags & RequestFlag.ONE_WAY) !== 0);
    if (refusal === undefined) {
      this.#running.arrives(id, bodyBytes);
      return true;
    }
    this.#refuseOpening(flags, id, refusal);
    return false;
  }

  grew(type: number, flags: number, id: number, bytes: number): boolean {
    const refusal = type === FrameType.REQUEST ? this.#running.grew(id, bytes) : undefined;
    if (refusal !== undefined) this.#refuseOpening(flags, id, refusal);
    return refusal === undefined;
  }

  /** Refuses a call whose request has not been read. */
  #refuseOpening(flags: number, id: number, error: RpcError): void {
    // Its items may follow; they are dropped as those of a stream that has ended.
    if ((flags & RequestFlag.STREAM) !== 0) this.#streams.open(id, new ItemQueue());
    this.#refuse(id, error);
  }

  /** Answers a call with an error while its handler runs. The handler is told and sends nothing more. */
  #breakOff(id: number, error: RpcError): void {
    const call = this.#running.giveUp(id, error);
    if (call === undefined) return;
    this.#answers.writeError(id, error, call.started);
    this.#streams.close(id);
  }

  /** @param isFinal - nobody can send it again, because it is one-way or has taken items of its caller */
  #refusal(requestBytes: number, isFinal: boolean): RpcError | undefined {
    if (this.#refusing !== undefined && !(isFinal && this.#servesLast))
      return rpcError('UNAVAILABLE', this.#refusing, { progress: 'refused', hasStack: false });
    return this.#running.refusal(requestBytes);
  }

  #refuse(id: number, error: RpcError, entry?: Entry): void {
    this.#streams.close(id);
    // Nobody is told of a refused one-way call: a client of a newer version, or one that sends bursts, has done nothing wrong.
    if (id !== 0) this.#answers.writeError(id, error, false);
    else this.#options.host.dropped?.(error, this.peer, entry);
  }

  #cancel(id: number, why: number, readAt: number): void {
    this.#rights.cancelled(readAt);
    this.#running.arrived(id);
    this.#running.giveUp(id, cancelledByCaller(why));
    this.#streams.dropUnsent(id);
  }

  /** A client whose call takes long asks where it stands. What is over has its answer on the way. */
  #asked(id: number, readAt: number): void {
    if (!this.#rights.asked()) return this.#channel.ignoreFrame('an ASK beyond one for each call');
    const call = this.#running.get(id);
    if (call === undefined || call.abandoned || call.grantedMs === 0) return;
    this.#answers.tellStanding(call, readAt);
  }

  oversized(type: number, flags: number, id: number, bodyBytes: number): void {
    const { limits } = this.#options;
    if (type === FrameType.ITEM) {
      this.#streams.skipped(id, bodyBytes);
      this.#breakOff(id, itemTooLarge(bodyBytes, limits));
    } else if (type === FrameType.REQUEST) {
      this.#opens(flags, id);
      this.#refuseOpening(flags, id, requestTooLarge(bodyBytes, limits));
    } else throw new ProtocolError(`a frame of type ${type} with ${bodyBytes} bytes`, GoAwayCode.LIMIT);
  }

  loadTold(_bytes: Buffer, start: number, end: number): void {
    if (start !== end) throw new ProtocolError(`a LOAD of a client has no body, not ${end - start} bytes`);
    this.#answers.writeLoad();
  }

  greeted(hello: Hello): void {
    const { instance, uptimeMs } = this.#options.host.self;
    const proof = this.#proofFor(hello, instance);
    this.#entrance.ask(
      hello.token,
      () => this.#welcome(hello, instance, uptimeMs, proof),
      (refusal) => this.#turnAway(refusal),
    );
  }

  /** Who it is was not believed, or cannot be found out: nothing of what it has sent was looked at. */
  #turnAway({ code, reason }: RpcError): void {
    const flags = code === 'UNAUTHENTICATED' ? GoAwayFlag.UNAUTHENTICATED : 0;
    this.#channel.sayGoAway(GoAwayCode.NOT_ACCEPTED, reason, flags);
    this.#channel.closeAfterWriting(`refused: ${reason}`);
  }

  #welcome(hello: Hello, instance: string, uptimeMs: number, proof: string | undefined): void {
    this.#options.host.authenticated?.(this);
    this.#streams.greeted(hello);
    this.#deflater?.greeted(hello);
    const contracts = hello.contracts && this.#options.host.contracts?.(hello.contracts, this.peer);
    // Only to clients that ask for it, so that it costs nobody else.
    const load = hello.load === true && this.#options.host.load !== undefined;
    this.#answers.tellsLoad = load;
    this.#channel.greet({ instance, expect: '', contracts, proof, load, uptimeMs, standing: true }, false);
    this.#channel.output.afterWritten(() => {
      this.#offersInflating = true;
    });
    if (this.#draining !== undefined) this.#channel.sayGoAway(GoAwayCode.DRAINING, this.#draining);
    if (hello.expect !== '' && hello.expect !== instance) {
      const reason = `this is instance "${instance}", not "${hello.expect}"`;
      this.#servesLast = false;
      this.refuseNew(reason);
      this.#channel.sayGoAway(GoAwayCode.WRONG_INSTANCE, reason);
    }
  }

  /**
   * The proof for the client that this is the server of the registry's entry. It is sent only to clients that know the secret of
   * the entry.
   * @throws ProtocolError when the client must know the secret and does not
   */
  #proofFor(hello: Hello, instance: string): string | undefined {
    const { secret } = this.#options;
    if (secret === undefined) return undefined;
    const proofs = proofsOf(secret.text, instance);
    if (isProof(hello.proof, proofs.client)) return proofs.server;
    if (secret.isDemanded) throw new ProtocolError(NOT_OF_THIS_USER, GoAwayCode.NOT_ACCEPTED);
    return undefined;
  }

  goAway(code: number, reason: string): void {
    // No new calls will come; those that run are answered.
    if (code !== GoAwayCode.DRAINING) this.#drop(`closed by the client: ${reason}`);
  }

  /** A client that computes for some seconds sends nothing, and may call again afterwards. */
  isNeeded(): boolean {
    return !this.#peerEnded;
  }

  ended(): void {
    this.#peerEnded = true;
    if (this.running > 0) {
      this.#channel.keepalive.peerEnded(this.#options.clock.now());
      const reason = 'the client ended its side before the items of the stream';
      this.#streams.peerEnded(rpcError('CANCELLED', reason, { progress: 'processed' }), (id) => {
        const noCredit = 'the client ended its side, and the credit that it had granted the stream is used up';
        this.#breakOff(id, rpcError('CANCELLED', noCredit, { progress: 'processed' }));
      });
    }
    this.#endIfIdle();
  }

  drained(): void {
    this.#streams.wake();
  }

  foreign(bytes: Buffer): void {
    const isDemanded = this.#options.secret?.isDemanded === true;
    if (isMessagePackRpc(bytes[0]!) && !isDemanded) {
      // The bytes are borrowed, and it may be a while before they are read.
      const first = this.#options.host.authenticate === undefined ? bytes : Buffer.from(bytes);
      return this.#entrance.ask(
        undefined,
        () => this.#speakMessagePackRpc(first),
        (denied) => this.#speakMessagePackRpc(first, denied),
      );
    }
    const { output } = this.#channel;
    const { answer, reason } = isDemanded ? plainAnswer(bytes, NOT_OF_THIS_USER) : foreignAnswer(bytes);
    output.position = output.reserve(answer.length) + answer.copy(output.chunk.bytes, output.position);
    this.#channel.closeAfterWriting(reason);
  }

  /** From here on this connection only forwards its server's requests to the successor. */
  #speakMessagePackRpc(bytes: Buffer, denied?: RpcError): void {
    if (denied === undefined) this.#options.host.authenticated?.(this);
    const { peer } = this;
    this.#channel.handOver((stream, openedAt) => {
      const closed = (reason: string): void => this.closed(reason);
      const successor = this.#options.messagePackRpc({ ...this.#options, stream, openedAt, peer, denied, closed });
      this.#successor = successor;
      if (this.#refusing !== undefined) successor.refuseNew(this.#refusing);
      return successor.receiver;
    });
    this.#successor?.receiver.data(bytes);
  }

  closed(reason: string, byUs = false): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.memory?.closed();
    this.#running.nothingArrives();
    this.#entrance.close(reason);
    this.#running.abandonAll(reason);
    if (byUs) this.#running.abandonOneWay(reason);
    this.#options.host.closed(this, reason);
  }

  #drop(reason: string): void {
    this.#channel.destroy(reason);
    this.closed(reason);
  }

  #endIfIdle(): void {
    if (this.#peerEnded && this.running === 0) this.#channel.endWriting();
  }
}

/** A call that has so much time left when it is read is not late when its handler begins, unless something lets it wait. */
const MUCH_TIME_MS = 200;

/** The error for a client that does not know the secret of the server's entry. */
const NOT_OF_THIS_USER =
  'this server takes only calls of its own user, whose clients find it in the registry local: (to let others in, listen with anyUser: true)';

/**
 * Why the caller does not wait any more, as the handler's signal says it. An unknown number counts as the caller's own wish.
 * Without a stack, which would show this file: it is most of what a cancelled call costs, and a peer may send thousands.
 */
function cancelledByCaller(reason: number): RpcError {
  return rpcError('CANCELLED', CANCEL_REASONS[reason] ?? CALLER, { progress: 'processed', hasStack: false });
}

const CALLER = 'the caller gave up';
const CANCEL_REASONS: Readonly<Record<number, string>> = {
  [CancelReason.HEDGE_LOST]: 'another attempt of the call was faster (hedge lost)',
  [CancelReason.SHUTDOWN]: 'the client was closed (shutdown)',
};
