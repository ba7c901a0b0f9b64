import type { Call, CallHolder, Progress, RpcError } from '@org/rpc-core';
import { cancelledError, markLate } from '@org/rpc-core/internal';
import { type Codec, CodecError, type DecodeMessage } from '../../codec/codec.js';
import { msgpack } from '../../codec/msgpack.js';
import { PROTOCOL_VERSION } from '../../frames/hello.js';
import { RpcMessageType, readRpcHead, writeRpcNotification, writeRpcRequest } from '../../frames/message-pack-rpc.js';
import { encodeMetadata } from '../../frames/metadata.js';
import { errorFromValue } from '../../frames/rpc-error-value.js';
import { callError } from '../calls/call-error.js';
import { holdCall, releaseCall } from '../calls/held-call.js';
import type { ClientConnectionOptions } from '../client/client-connection-options.js';
import type { CallConnection } from '../client/client-protocol.js';
import type { ResolvedMessagePackRpcOptions } from './message-pack-rpc-options.js';
import { PeerRequests } from './peer-requests.js';
import { RpcIds } from './rpc-ids.js';
import { ValueChannel, type ValueChannelOwner } from './value-channel.js';

/** How long a server may say nothing at all while somebody gave up waiting for it, in milliseconds. */
const SILENCE_MS = 30_000;

/**
 * The client's end of a connection to a server of MessagePack-RPC. A call that is given up keeps its id until the answer comes:
 * nothing else says when the server is done with it. What finds no free id waits in the order of arrival.
 */
export class MessagePackRpcClient implements CallConnection, CallHolder, ValueChannelOwner {
  readonly #options: ClientConnectionOptions;
  readonly #rpc: ResolvedMessagePackRpcOptions;
  readonly #codec: Codec = msgpack({ unknownExtensions: 'keep', malformedText: 'keep' });
  readonly #decode: DecodeMessage;
  readonly #channel: ValueChannel;
  readonly #peerRequests: PeerRequests;
  readonly #ids: RpcIds;
  readonly #waiting = new Set<Call>();
  #silentSince = Number.POSITIVE_INFINITY;
  #heard = false;
  #draining = false;
  #closedReason: string | undefined;
  #ignored = 0;

  constructor(options: ClientConnectionOptions, rpc: ResolvedMessagePackRpcOptions) {
    const { stream, limits, clock } = options;
    this.#options = options;
    this.#rpc = rpc;
    this.#decode = this.#codec.createDecoder(limits);
    this.#ids = new RpcIds(rpc.maxMessageId);
    this.#channel = new ValueChannel({ stream, limits, clock, owner: this, firstMessageBy: Number.POSITIVE_INFINITY });
    const [codec, decode, channel] = [this.#codec, this.#decode, this.#channel];
    this.#peerRequests = new PeerRequests({ handlers: rpc.handlers, codec, decode, limits, channel });
    stream.start(channel);
  }

  get isOpen(): boolean {
    return this.#closedReason === undefined && !this.#draining;
  }

  get isFull(): boolean {
    return this.#ids.size >= this.#rpc.maxInFlight || this.#channel.isFull;
  }

  /** Nothing greets on this wire: a connection that stands is as good as it gets. */
  get isGreeted(): boolean {
    return true;
  }

  get inFlight(): number {
    return this.#ids.live + this.#waiting.size;
  }

  /** How many messages came that nobody waited for. */
  get ignored(): number {
    return this.#ignored;
  }

  send(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      call.resolve = resolve;
      call.reject = reject;
      this.#send(call);
    });
  }

  #send(call: Call): void {
    if (!this.isOpen)
      return this.#fail(call, 'UNAVAILABLE', this.#closedReason ?? 'the connection is draining', 'unsent');
    const { callsInFlight } = this.#options.limits;
    if (this.#waiting.size >= callsInFlight || this.#channel.isFull) {
      const reason = `${this.#waiting.size} calls wait for this connection, or too much is to be written (limits.callsInFlight, limits.writeQueueBytes)`;
      return this.#fail(call, 'RESOURCE_EXHAUSTED', reason, 'unsent');
    }
    if (call.stream !== undefined) return this.#fail(call, 'UNIMPLEMENTED', 'MessagePack-RPC has no streams', 'unsent');
    if (call.signal?.aborted) return call.fail(cancelledError(call));
    if (call.oneWay) return this.#transmit(call);
    holdCall(call, this, this.#options.timers);
    if (this.#ids.size >= this.#rpc.maxInFlight) this.#waiting.add(call);
    else this.#transmit(call);
  }

  #transmit(call: Call): void {
    const { output } = this.#channel;
    const { limits } = this.#options;
    const start = output.position;
    const id = call.oneWay ? 0 : this.#ids.add(call);
    try {
      this.#write(call, id);
      const bytes = output.position - start;
      if (bytes > limits.messageBytes)
        throw new CodecError(
          `the request has ${bytes} bytes, the limit is ${limits.messageBytes} (limits.messageBytes)`,
        );
    } catch (error) {
      output.rollBack(start);
      this.#ids.take(id);
      releaseCall(call, this.#options.timers);
      const reason = `${call.service}.${call.method} cannot be sent: ${(error as Error).message}`;
      return this.#fail(call, 'INVALID_ARGUMENT', reason, 'unsent', error);
    }
    if (call.oneWay) output.afterWritten(() => this.#written(call));
    output.commit();
  }

  #write(call: Call, id: number): void {
    const { output } = this.#channel;
    const { methodName, metadataFirst } = this.#rpc;
    const name = methodName === 'method' ? call.method : `${call.service}.${call.method}`;
    const { metadata = {} } = call;
    if (metadataFirst) encodeMetadata(metadata, this.#options.limits);
    const args = metadataFirst ? [metadata, ...call.args] : call.args;
    if (call.oneWay) writeRpcNotification(output, this.#codec, name, args);
    else writeRpcRequest(output, this.#codec, id, name, args);
  }

  /** A one-way call ends when it is handed to the stream, unless that was dropped before. */
  #written(call: Call): void {
    call.endedAt = this.#options.clock.now();
    if (this.#closedReason === undefined) call.succeed(undefined);
    else this.#fail(call, 'UNAVAILABLE', this.#closedReason, 'unsent');
  }

  // CallHolder

  expire(call: Call, late: boolean): void {
    const progress = this.#giveUp(call);
    const waitedMs = Math.round(call.endedAt - call.startedAt);
    const reason =
      progress === 'unsent'
        ? `not sent in ${waitedMs} ms: the server takes no more calls`
        : `no reply in ${waitedMs} ms`;
    const error = callError(call, 'DEADLINE_EXCEEDED', reason, progress);
    if (late) markLate(error);
    call.fail(error);
    this.#endIfDrained();
  }

  abandon(call: Call, error: RpcError): void {
    error.progress = this.#giveUp(call);
    error.endpoint = call.destination?.address;
    call.fail(error);
    this.#endIfDrained();
  }

  #giveUp(call: Call): Progress {
    releaseCall(call, this.#options.timers);
    call.endedAt = this.#options.clock.now();
    if (this.#waiting.delete(call)) return 'unsent';
    this.#ids.abandon(call.id);
    if (this.#silentSince === Number.POSITIVE_INFINITY) this.#silentSince = call.endedAt;
    return 'maybe-processed';
  }

  tick(now: number): void {
    this.#channel.tick(now);
    // Its ids would be taken for ever, and only the deadlines of calls would tell.
    if (now - this.#silentSince > SILENCE_MS) this.close(`the server has answered nothing for ${SILENCE_MS} ms`);
  }

  drain(): void {
    this.#draining = true;
    this.#endIfDrained();
  }

  close(reason: string): void {
    this.closed(reason);
    this.#channel.destroy(reason);
  }

  // ValueChannelOwner

  message(bytes: Buffer, start: number, end: number): void {
    this.#hear();
    const head = readRpcHead(bytes, start);
    if (head.type !== RpcMessageType.RESPONSE) {
      if (!this.#peerRequests.take(head, bytes, start, end)) this.#ignored++;
      return;
    }
    if (!this.#ids.has(head.id)) {
      this.#ignored++;
      return;
    }
    const call = this.#ids.take(head.id);
    if (call === undefined) this.#ignored++;
    else this.#answer(call, bytes, start, end);
    this.#sendNext();
    this.#endIfDrained();
  }

  #answer(call: Call, bytes: Buffer, start: number, end: number): void {
    releaseCall(call, this.#options.timers);
    call.endedAt = this.#channel.readAt;
    let message: readonly unknown[];
    try {
      message = this.#decode(bytes, start, end) as readonly unknown[];
    } catch (error) {
      return this.#fail(call, 'INTERNAL', `the reply is malformed: ${(error as Error).message}`, 'processed', error);
    }
    // Anything but nil is an error: false, 0 and the empty text as well.
    if (message[2] === null) return call.succeed(message[3]);
    const error = errorFromValue(message[2]);
    error.service = call.service;
    error.method = call.method;
    error.endpoint = call.destination?.address;
    call.fail(error);
  }

  /** The first word of a server is what the link waits for: until then, a failing server is tried ever less often. */
  #hear(): void {
    this.#silentSince = Number.POSITIVE_INFINITY;
    if (this.#heard) return;
    this.#heard = true;
    const { observer, expectInstance, limits } = this.#options;
    observer.greeted({
      version: PROTOCOL_VERSION,
      instance: expectInstance,
      expect: '',
      codec: this.#codec.name,
      messageBytes: limits.messageBytes,
      callsInFlight: this.#rpc.maxInFlight,
      uptimeMs: 0,
    });
  }

  malformed(): void {}

  ended(): void {
    this.close('the connection was closed by the other end');
  }

  closed(reason: string): void {
    if (this.#closedReason !== undefined) return;
    this.#closedReason = reason;
    const sent = this.#ids.takeAll();
    for (const call of sent) this.#lose(call, `connection lost before the reply: ${reason}`, 'maybe-processed');
    for (const call of this.#waiting) this.#lose(call, reason, 'unsent');
    this.#waiting.clear();
    this.#options.observer.closed(reason);
  }

  #lose(call: Call, reason: string, progress: Progress): void {
    releaseCall(call, this.#options.timers);
    call.endedAt = this.#options.clock.now();
    this.#fail(call, 'UNAVAILABLE', reason, progress);
  }

  #sendNext(): void {
    for (const call of this.#waiting) {
      if (this.#ids.size >= this.#rpc.maxInFlight) return;
      this.#waiting.delete(call);
      this.#transmit(call);
    }
  }

  #endIfDrained(): void {
    if (this.#draining && this.inFlight === 0 && this.#channel.isOpen) this.#channel.closeAfterWriting('drained');
  }

  #fail(call: Call, code: RpcError['code'], reason: string, progress: Progress, cause?: unknown): void {
    call.fail(callError(call, code, reason, progress, cause));
  }
}
