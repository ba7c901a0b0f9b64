import type { Clock } from '../clock.js';
import type { Codec } from '../codec/codec.js';
import type { Peer } from '../context.js';
import { type RpcError, rpcError } from '../error.js';
import { isPromise } from '../is-promise.js';
import type { Limits } from '../limits.js';
import { CLIENT_ID_MAX, FrameType, GoAwayCode, ProtocolError, RequestFlag } from '../protocol/frame.js';
import { createParsedRequest, parseRequest } from '../protocol/frame-parser.js';
import { writeError } from '../protocol/frame-writer.js';
import type { Hello } from '../protocol/hello.js';
import { decodeMetadata } from '../protocol/metadata.js';
import { answer, answerEnd } from './answer.js';
import type { ChannelOwner } from './channel-owner.js';
import { decodeArgs, requestTooLarge } from './decode-args.js';
import { foreignAnswer } from './foreign.js';
import { FrameChannel } from './frame-channel.js';
import { IncomingCall, type IncomingPort, type MethodEntry } from './incoming-call.js';
import { RateWindow } from './rate-window.js';
import { RunningCalls } from './running-calls.js';
import { serveStream } from './serve-stream.js';
import { createServedStream, type ServedStream } from './served-stream.js';
import type { ServedConnection, ServerConnectionOptions, ServerHost } from './server-host.js';
import { Streams } from './streams.js';

/** Of its requests, a peer may cancel so many besides the fixed number: hedging and thawed peers cancel in bursts. */
const CANCEL_SHARE = 0.2;

/**
 * The server's end of a connection: frames become calls, results become frames. A peer's mistake closes its connection, a
 * handler's mistake fails its call; neither reaches further.
 */
export class ServerConnection<Entry extends MethodEntry = MethodEntry>
  implements ServedConnection, ChannelOwner, IncomingPort
{
  readonly #codec: Codec;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #host: ServerHost<Entry>;
  readonly #channel: FrameChannel;
  readonly #running: RunningCalls<Entry>;
  readonly #parsed = createParsedRequest();
  readonly #cancels = new RateWindow();
  readonly #streams: Streams;
  #requests = 0;
  #refusing: string | undefined;
  #peerEnded = false;
  #closed = false;

  constructor(options: ServerConnectionOptions<Entry>) {
    const { stream, codec, limits, clock, host } = options;
    this.#codec = codec;
    this.#limits = limits;
    this.#clock = clock;
    this.#host = host;
    this.#running = new RunningCalls(limits);
    this.#channel = new FrameChannel({ stream, codec, limits, clock, owner: this, expectPreface: true });
    this.#streams = new Streams(this.#channel, codec);
    this.#channel.start();
  }

  get peer(): Peer {
    return this.#channel.peer;
  }

  /** How many handlers run on behalf of this connection, those included whose caller has given up. */
  get running(): number {
    return this.#running.size;
  }

  drain(reason: string): void {
    this.#channel.sayGoAway(GoAwayCode.DRAINING, reason);
  }

  refuseNew(reason: string): void {
    this.#refusing = reason;
  }

  close(reason: string): void {
    this.#channel.destroy(reason);
    this.closed(reason);
  }

  tick(now: number): void {
    this.#channel.tick(now);
  }

  // IncomingPort

  now(): number {
    return this.#clock.now();
  }

  atDeadline(deadline: number, run: () => void): () => void {
    return this.#clock.schedule(deadline - this.#clock.now(), run, true);
  }

  // ChannelOwner

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number, readAt: number): void {
    if (type === FrameType.REQUEST) this.#request(flags, id, bytes, start, end, readAt);
    else if (type === FrameType.CANCEL) this.#cancel(id, readAt);
    else if (type > FrameType.CANCEL) this.#streams.frame(type, id, bytes, start, end);
    else throw new ProtocolError(`frame type ${type} does not come from a client`);
  }

  #request(flags: number, id: number, bytes: Buffer, start: number, end: number, readAt: number): void {
    const parsed = this.#parsed;
    parseRequest(parsed, bytes, start, end);
    const { remainingMs, metadataStart, payloadStart } = parsed;
    const oneWay = (flags & RequestFlag.ONE_WAY) !== 0;
    if (oneWay !== (id === 0)) throw new ProtocolError('only a one-way REQUEST has the id 0');
    if (id > CLIENT_ID_MAX) throw new ProtocolError(`call id ${id} is not one of a client`);
    if (id !== 0 && this.#running.get(id) !== undefined) throw new ProtocolError(`call id ${id} is in flight already`);
    this.#requests++;
    // Its items may follow at once, whatever becomes of the call.
    const stream =
      (flags & RequestFlag.STREAM) === 0
        ? undefined
        : createServedStream((received) => this.#streams.open(id, received));
    const entry = this.#host.find(parsed.name, parsed.serviceLength);
    if ('code' in entry) return this.#refuse(id, entry);
    const deadline = remainingMs === 0 ? Number.POSITIVE_INFINITY : readAt + remainingMs;
    const call = new IncomingCall<Entry>(this, entry, id, deadline, flags, parsed.attempt, parsed.priority);
    call.stream = stream;
    if (metadataStart !== payloadStart) {
      call.metadata = decodeMetadata(bytes, metadataStart, payloadStart, this.#limits);
    }
    const refusal = this.#refusal(end - start) ?? this.#host.admit(call);
    if (refusal !== undefined) return this.#refuse(id, refusal);
    call.requestBytes = end - start;
    this.#authorize(call, bytes, payloadStart, end);
  }

  #refusal(requestBytes: number): RpcError | undefined {
    if (this.#refusing !== undefined) return rpcError('UNAVAILABLE', this.#refusing, { progress: 'refused' });
    return this.#running.refusal(requestBytes);
  }

  #authorize(call: IncomingCall<Entry>, bytes: Buffer, payloadStart: number, end: number): void {
    const { authorize } = this.#host;
    if (authorize === undefined) return this.#decodeAndServe(call, bytes, payloadStart, end);
    let verdict: void | Promise<void>;
    try {
      verdict = authorize(call);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (!isPromise(verdict)) return this.#decodeAndServe(call, bytes, payloadStart, end);
    this.#running.add(call);
    // The bytes are borrowed for this turn only.
    const payload = Buffer.from(bytes.subarray(payloadStart, end));
    verdict.then(
      () => this.#decodeAndServe(call, payload, 0, payload.length),
      (error: unknown) => this.#fail(call, error),
    );
  }

  #decodeAndServe(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void {
    if (call.abandoned) return this.#end(call, undefined);
    let result: unknown;
    try {
      call.args = decodeArgs(this.#channel, bytes, start, end);
      if (call.stream !== undefined) return this.#serveStream(call, call.stream);
      result = this.#host.serve(call);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (isPromise(result)) {
      this.#running.add(call);
      result.then(
        (value) => this.#succeed(call, value),
        (error: unknown) => this.#fail(call, error),
      );
    } else this.#succeed(call, result);
  }

  #serveStream(call: IncomingCall<Entry>, stream: ServedStream): void {
    this.#running.add(call);
    serveStream(call, stream, () => this.#host.serveStream(call, stream.received))
      .then(() => {
        if (this.#isAnswerWanted(call)) answerEnd(this.#channel, this.#limits, call);
        this.#end(call, undefined);
      })
      .catch((error: unknown) => this.#fail(call, error));
  }

  #succeed(call: IncomingCall<Entry>, value: unknown): void {
    if (this.#isAnswerWanted(call)) {
      try {
        answer(this.#channel, this.#codec, this.#limits, call, value);
      } catch (error) {
        return this.#fail(call, error);
      }
    }
    this.#end(call, undefined);
  }

  #fail(call: IncomingCall<Entry>, thrown: unknown): void {
    // Also of one-way calls, so that the server's log has it. What an abandoned handler throws is the abort's doing.
    const error = call.abandoned ? undefined : this.#host.presentable(thrown, call);
    if (error !== undefined && this.#isAnswerWanted(call)) {
      this.#answerError(call.id, error, call.started);
    }
    this.#end(call, thrown);
  }

  #refuse(id: number, error: RpcError): void {
    this.#streams.close(id);
    if (id !== 0) this.#answerError(id, error, false);
  }

  #answerError(id: number, error: RpcError, handlerRan: boolean): void {
    const { output, bodyBytesMax } = this.#channel;
    writeError(output, this.#codec, id, error, handlerRan, bodyBytesMax);
    output.commit();
  }

  #isAnswerWanted(call: IncomingCall<Entry>): boolean {
    return !call.oneWay && !call.abandoned && this.#channel.isOpen;
  }

  /** A handler has ended, whether or not anybody waited for it. */
  #end(call: IncomingCall<Entry>, error: unknown): void {
    call.finish();
    if (call.stream !== undefined) this.#streams.close(call.id);
    this.#running.remove(call);
    this.#host.served(call, error);
    if (this.#peerEnded) this.#endIfIdle();
  }

  #cancel(id: number, readAt: number): void {
    if (this.#cancels.exceeds(this.#limits.cancels, readAt, CANCEL_SHARE, this.#requests)) {
      throw new ProtocolError('too many calls were cancelled (limits.cancels)', GoAwayCode.LIMIT);
    }
    const call = this.#running.get(id);
    // The answer may have crossed the CANCEL.
    if (call === undefined || call.abandoned) return;
    call.abandoned = true;
    call.abort(rpcError('CANCELLED', 'the caller gave up', { progress: 'processed' }));
  }

  oversized(type: number, id: number, bodyBytes: number): void {
    if (type !== FrameType.REQUEST)
      throw new ProtocolError(`a frame of type ${type} with ${bodyBytes} bytes`, GoAwayCode.LIMIT);
    this.#refuse(id, requestTooLarge(bodyBytes, this.#limits));
  }

  greeted(hello: Hello): void {
    const { instance, uptimeMs } = this.#host;
    this.#streams.greeted(hello);
    this.#channel.greet({ instance, expect: '', uptimeMs }, false);
    if (hello.expect !== '' && hello.expect !== instance) {
      const reason = `this is instance "${instance}", not "${hello.expect}"`;
      this.refuseNew(reason);
      this.#channel.sayGoAway(GoAwayCode.WRONG_INSTANCE, reason);
    }
  }

  goAway(_code: number, reason: string): void {
    this.close(`closed by the client: ${reason}`);
  }

  ended(): void {
    this.#peerEnded = true;
    this.#endIfIdle();
  }

  drained(): void {
    this.#streams.wake();
  }

  foreign(bytes: Buffer): void {
    const { output } = this.#channel;
    const { answer, reason } = foreignAnswer(bytes);
    output.position = output.reserve(answer.length) + answer.copy(output.chunk.bytes, output.position);
    this.#channel.closeAfterWriting(reason);
  }

  closed(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of this.#running.values()) {
      call.abandoned = true;
      call.abort(rpcError('CANCELLED', `the connection to the caller is gone: ${reason}`, { progress: 'processed' }));
    }
    this.#host.closed(this, reason);
  }

  #endIfIdle(): void {
    if (this.running === 0) this.#channel.endWriting();
  }
}
