import type { Peer } from '../context.js';
import { type RpcError, rpcError } from '../error.js';
import { COMPRESSED } from '../protocol/compressed.js';
import { FrameType, GoAwayCode, MORE, ProtocolError, RequestFlag } from '../protocol/frame.js';
import { createParsedRequest, parseRequest } from '../protocol/frame-parser.js';
import { writeError } from '../protocol/frame-writer.js';
import type { Hello } from '../protocol/hello.js';
import { isMessagePackRpc } from '../protocol/message-pack-rpc.js';
import { decodeMetadata } from '../protocol/metadata.js';
import { answer, answerEnd } from './answer.js';
import { type CallAnswers, CallRunner } from './call-runner.js';
import { CancelGuard } from './cancel-guard.js';
import type { ChannelOwner } from './channel-owner.js';
import { decodeArgs, inflateArgs, requestTooLarge } from './decode-args.js';
import { Deflater } from './deflater.js';
import { appendForeignAnswer } from './foreign.js';
import { FrameChannel } from './frame-channel.js';
import { IncomingCall, type IncomingPort, type MethodEntry } from './incoming-call.js';
import { ItemQueue } from './item-queue.js';
import { MessagePackRpcServer } from './message-pack-rpc-server.js';
import { checkCompressed, checkOpening, requestCost } from './request-checks.js';
import { RunningCalls } from './running-calls.js';
import { serveStream } from './serve-stream.js';
import { createServedStream, type ServedStream } from './served-stream.js';
import type { ServedConnection, ServerConnectionOptions } from './server-host.js';
import { Streams } from './streams.js';
import { noRoomForAnswer, SHORT_ERROR_BYTES } from './unsent-answers.js';

/**
 * The server's end of a connection: frames become calls, results become frames. A peer's mistake closes its connection, a
 * handler's mistake fails its call; neither reaches further.
 */
export class ServerConnection<Entry extends MethodEntry = MethodEntry>
  implements ServedConnection, ChannelOwner, CallAnswers<Entry>, IncomingPort
{
  readonly #options: ServerConnectionOptions<Entry>;
  readonly #channel: FrameChannel;
  readonly #running: RunningCalls<Entry>;
  readonly #runner: CallRunner<Entry>;
  readonly #parsed = createParsedRequest();
  readonly #cancels: CancelGuard;
  readonly #streams: Streams;
  readonly #deflater: Deflater | undefined;
  /** Whether the client can have read that this side inflates. */
  #offersInflating = false;
  #successor: MessagePackRpcServer<Entry> | undefined;
  #refusing: string | undefined;
  #draining: string | undefined;
  #peerEnded = false;
  #closed = false;

  constructor(options: ServerConnectionOptions<Entry>) {
    const { stream, codec, limits, clock, host } = options;
    this.#options = options;
    this.#cancels = new CancelGuard(limits);
    this.#running = new RunningCalls(limits);
    this.#runner = new CallRunner(host, this.#running, this);
    this.#channel = new FrameChannel({ stream, codec, limits, clock, owner: this, expectPreface: true });
    this.#deflater = options.compression && new Deflater(options.compression, limits);
    this.#streams = new Streams(this.#channel, codec, limits, this.#deflater);
    this.#channel.start();
  }

  get peer(): Peer {
    return this.#channel.peer;
  }

  /** How many handlers run on behalf of this connection, those included whose caller has given up. */
  get running(): number {
    return this.#successor?.running ?? this.#running.size;
  }

  drain(reason: string): void {
    this.#draining = reason;
    // A peer that has not spoken yet may speak MessagePack-RPC, to which a frame is garbage.
    if (this.#channel.isGreeted) this.#channel.sayGoAway(GoAwayCode.DRAINING, reason);
  }

  refuseNew(reason: string): void {
    this.#refusing = reason;
    this.#successor?.refuseNew(reason);
  }

  close(reason: string): void {
    if (this.#successor !== undefined) return this.#successor.close(reason);
    this.#runner.abandonOneWay(reason);
    this.#drop(reason);
  }

  tick(now: number): void {
    this.#successor?.tick(now);
    this.#channel.tick(now);
  }

  // IncomingPort

  now(): number {
    return this.#options.clock.now();
  }

  atDeadline(deadline: number, run: () => void): () => void {
    return this.#options.clock.schedule(deadline - this.#options.clock.now(), run, true);
  }

  // ChannelOwner

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number, readAt: number): void {
    if ((flags & COMPRESSED) !== 0) checkCompressed(type, this.#offersInflating);
    if (type === FrameType.REQUEST) this.#request(flags, id, bytes, start, end, readAt);
    else if (type === FrameType.CANCEL) this.#cancel(id, readAt);
    else if (type > FrameType.CANCEL) this.#streams.frame(type, flags, id, bytes, start, end);
    else throw new ProtocolError(`frame type ${type} does not come from a client`);
  }

  #request(flags: number, id: number, bytes: Buffer, start: number, end: number, readAt: number): void {
    const parsed = this.#parsed;
    parseRequest(parsed, bytes, start, end);
    const { remainingMs, metadataStart, payloadStart } = parsed;
    if ((flags & MORE) === 0) this.#opens(flags, id);
    else this.#running.arrived(id);
    // Its items may follow at once, whatever becomes of the call.
    const stream =
      (flags & RequestFlag.STREAM) === 0
        ? undefined
        : createServedStream((received) => this.#streams.open(id, received));
    const entry = this.#options.host.find(parsed.name, parsed.serviceLength);
    if ('code' in entry) return this.#refuse(id, entry);
    const deadline = remainingMs === 0 ? Number.POSITIVE_INFINITY : readAt + remainingMs;
    const call = new IncomingCall<Entry>(this, entry, id, deadline, flags, parsed.attempt, parsed.priority);
    call.stream = stream;
    if (metadataStart !== payloadStart) {
      call.metadata = decodeMetadata(bytes, metadataStart, payloadStart, this.#options.limits);
    }
    const requestBytes = requestCost(flags, bytes, start, payloadStart, end);
    if (requestBytes > this.#options.limits.messageBytes)
      return this.#refuse(id, requestTooLarge(requestBytes, this.#options.limits));
    call.isCompressed = (flags & COMPRESSED) !== 0;
    const refusal = this.#refusal(requestBytes) ?? this.#options.host.admit(call);
    if (refusal !== undefined) return this.#refuse(id, refusal);
    call.requestBytes = requestBytes;
    this.#runner.run(call, bytes, payloadStart, end);
  }

  /** A request has come, or begun to come. @throws ProtocolError when it can't have this id */
  #opens(flags: number, id: number): void {
    checkOpening(flags, id, this.#running.get(id) !== undefined);
    this.#cancels.opened();
  }

  announced(type: number, flags: number, id: number, bodyBytes: number): boolean {
    if (type === FrameType.ITEM) return this.#streams.announced(id, bodyBytes);
    if (type !== FrameType.REQUEST) throw new ProtocolError(`frame type ${type} does not come from a client`);
    this.#opens(flags, id);
    const refusal = this.#refusal(bodyBytes);
    if (refusal === undefined) {
      this.#running.arrives(id, bodyBytes);
      return true;
    }
    // Its items may follow, as those of a stream that has ended.
    if ((flags & RequestFlag.STREAM) !== 0) this.#streams.open(id, new ItemQueue());
    this.#refuse(id, refusal);
    return false;
  }

  #refusal(requestBytes: number): RpcError | undefined {
    if (this.#refusing !== undefined) return rpcError('UNAVAILABLE', this.#refusing, { progress: 'refused' });
    return this.#running.refusal(requestBytes);
  }

  // CallAnswers

  get isOpen(): boolean {
    return this.#channel.isOpen;
  }

  decodeArgs(_call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): readonly unknown[] {
    return decodeArgs(this.#channel, bytes, start, end);
  }

  get extraBytes(): number {
    return this.#channel.decode.extraBytes ?? 0;
  }

  inflateArgs(bytes: Buffer, start: number, end: number): Buffer | Promise<Buffer> {
    return inflateArgs(bytes, start, end);
  }

  async serveStream(call: IncomingCall<Entry>, stream: ServedStream): Promise<void> {
    await serveStream(call, stream, () => this.#options.host.serveStream(call, stream.received));
    if (!call.abandoned && this.#channel.isOpen) answerEnd(this.#channel, this.#options.limits, call);
  }

  writeResult(call: IncomingCall<Entry>, value: unknown): void | Promise<void> {
    return answer(this.#channel, this.#options.codec, this.#options.limits, call, value, this.#deflater);
  }

  writeFailure(call: IncomingCall<Entry>, error: RpcError): void {
    this.#answerError(call.id, error, call.started);
  }

  callEnded(call: IncomingCall<Entry>): void {
    if (call.stream !== undefined) this.#streams.close(call.id);
    if (this.#peerEnded) this.#endIfIdle();
  }

  #refuse(id: number, error: RpcError): void {
    this.#streams.close(id);
    if (id !== 0) this.#answerError(id, error, false);
  }

  #answerError(id: number, error: RpcError, handlerRan: boolean): void {
    const { output, writes, bodyBytesMax } = this.#channel;
    const hasRoom = noRoomForAnswer(this.#channel.writes, this.#options.limits) === undefined;
    const start = output.position;
    writeError(output, this.#options.codec, id, error, handlerRan, hasRoom ? bodyBytesMax : SHORT_ERROR_BYTES);
    writes.commit(start, id);
  }

  #cancel(id: number, readAt: number): void {
    this.#cancels.cancelled(readAt);
    this.#running.arrived(id);
    const call = this.#running.get(id);
    // The answer may have crossed the CANCEL.
    if (call !== undefined && !call.abandoned) {
      call.abandoned = true;
      call.abort(rpcError('CANCELLED', 'the caller gave up', { progress: 'processed' }));
    }
    this.#streams.dropUnsent(id);
  }

  oversized(type: number, id: number, bodyBytes: number): void {
    if (type !== FrameType.REQUEST)
      throw new ProtocolError(`a frame of type ${type} with ${bodyBytes} bytes`, GoAwayCode.LIMIT);
    this.#refuse(id, requestTooLarge(bodyBytes, this.#options.limits));
  }

  greeted(hello: Hello): void {
    const { instance, uptimeMs } = this.#options.host;
    this.#streams.greeted(hello);
    this.#deflater?.greeted(hello);
    this.#channel.greet({ instance, expect: '', uptimeMs }, false);
    this.#channel.output.afterWritten(() => {
      this.#offersInflating = true;
    });
    if (this.#draining !== undefined) this.#channel.sayGoAway(GoAwayCode.DRAINING, this.#draining);
    if (hello.expect !== '' && hello.expect !== instance) {
      const reason = `this is instance "${instance}", not "${hello.expect}"`;
      this.refuseNew(reason);
      this.#channel.sayGoAway(GoAwayCode.WRONG_INSTANCE, reason);
    }
  }

  goAway(_code: number, reason: string): void {
    this.#drop(`closed by the client: ${reason}`);
  }

  ended(): void {
    this.#peerEnded = true;
    this.#endIfIdle();
  }

  drained(): void {
    this.#streams.wake();
  }

  foreign(bytes: Buffer): void {
    if (isMessagePackRpc(bytes[0]!)) return this.#speakMessagePackRpc(bytes);
    this.#channel.closeAfterWriting(appendForeignAnswer(this.#channel.output, bytes));
  }

  /** From here on this connection only passes on what its server asks of it. */
  #speakMessagePackRpc(bytes: Buffer): void {
    this.#channel.handOver((stream, openedAt) => {
      const closed = (reason: string): void => this.closed(reason);
      const successor = new MessagePackRpcServer({ ...this.#options, stream, openedAt, closed });
      this.#successor = successor;
      if (this.#refusing !== undefined) successor.refuseNew(this.#refusing);
      return successor.receiver;
    });
    this.#successor?.receiver.data(bytes);
  }

  closed(reason: string, byUs = false): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#runner.abandonAll(reason);
    if (byUs) this.#runner.abandonOneWay(reason);
    this.#options.host.closed(this, reason);
  }

  #drop(reason: string): void {
    this.#channel.destroy(reason);
    this.closed(reason);
  }

  #endIfIdle(): void {
    if (this.running === 0) this.#channel.endWriting();
  }
}
