import type { Call, Progress, RpcError } from '@org/rpc-core';
import { ATTACHED_BYTES_MIN } from '../../codec/attachments.js';
import { type Codec, CodecError, type DecodeMessage } from '../../codec/codec.js';
import { foreignMsgpack } from '../../codec/foreign-msgpack.js';
import { PROTOCOL_VERSION } from '../../frames/hello.js';
import {
  errorFromValue,
  RpcMessageType,
  readRpcHead,
  writeRpcNotification,
  writeRpcRequest,
} from '../../frames/message-pack-rpc.js';
import { encodeMetadata } from '../../frames/metadata.js';
import { CallOwner, type CallWire, callError, unfitAnswer } from '../calls/call-owner.js';
import { clientFlushMessages } from '../channel/output.js';
import type { CallConnection, ClientConnectionOptions } from '../client/client-protocol.js';
import { mayOutlive } from '../client/write-call.js';
import type { ResolvedMessagePackRpcOptions } from './message-pack-rpc-options.js';
import { PeerRequests } from './peer-requests.js';
import { RpcIds } from './rpc-ids.js';
import { ValueChannel, type ValueChannelOwner } from './value-channel.js';

/** How long a server may be silent after a call was given up, in milliseconds. */
const SILENCE_MS = 30_000;

/**
 * The client's end of a connection to a MessagePack-RPC server. A call that is given up keeps its id until the answer comes:
 * nothing else shows that the server is done with the call. Calls that find no free id wait in the order of arrival.
 */
export class MessagePackRpcClientConnection implements CallConnection, CallWire, ValueChannelOwner {
  readonly #options: ClientConnectionOptions;
  readonly #rpc: ResolvedMessagePackRpcOptions;
  readonly #codec: Codec;
  readonly #decode: DecodeMessage;
  readonly #channel: ValueChannel;
  readonly #peerRequests: PeerRequests;
  readonly #calls: CallOwner;
  readonly #ids: RpcIds;
  #silentSince = Number.POSITIVE_INFINITY;
  #heard = false;
  /** Whether a notification was ever sent on this connection. */
  #hasNotified = false;
  #ignored = 0;

  constructor(options: ClientConnectionOptions, rpc: ResolvedMessagePackRpcOptions) {
    const { stream, limits, clock, timers, queue, keepalive } = options;
    this.#options = options;
    this.#rpc = rpc;
    this.#codec = foreignMsgpack(rpc.textFormat);
    this.#decode = this.#codec.createDecoder(limits);
    this.#ids = new RpcIds(rpc.maxMessageId);
    this.#calls = new CallOwner({ wire: this, clock, timers, queue });
    const firstMessageBy = Number.POSITIVE_INFINITY;
    const reading = { firstMessageBy, keepalive, readsWhileFull: true };
    this.#channel = new ValueChannel({ stream, limits, clock, owner: this, ...reading });
    const [codec, decode, channel] = [this.#codec, this.#decode, this.#channel];
    this.#peerRequests = new PeerRequests({ handlers: rpc.handlers, codec, decode, limits, channel });
    stream.start(channel.receiver);
    this.#calls.proceed();
  }

  get isOpen(): boolean {
    return this.#calls.isOpen;
  }

  get isFull(): boolean {
    return this.#ids.size >= this.#rpc.maxInFlight || this.#channel.isFull;
  }

  /** This protocol has no greeting: an open connection is all that can be known. */
  get isGreeted(): boolean {
    return true;
  }

  /** This protocol has no PING: a silent server may be at work. */
  get heardAt(): number {
    return Number.POSITIVE_INFINITY;
  }

  get isSuspect(): boolean {
    return false;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  /** How many messages came for which nobody waited. */
  get ignored(): number {
    return this.#ignored;
  }

  send(call: Call): Promise<unknown> {
    return this.#calls.send(call);
  }

  // CallWire

  get size(): number {
    return this.#ids.live;
  }

  refusal(call: Call): RpcError | undefined {
    const { callsInFlight } = this.#options.limits;
    const { waiting } = this.#calls;
    if (waiting >= callsInFlight) {
      const reason = `${waiting} calls wait for this connection (limits.callsInFlight)`;
      return callError(call, 'RESOURCE_EXHAUSTED', reason, 'unsent');
    }
    if (call.stream === undefined) return undefined;
    return callError(call, 'UNIMPLEMENTED', 'MessagePack-RPC has no streams', 'unsent');
  }

  mustWait(call: Call): boolean {
    return this.#channel.isFull || (!call.oneWay && this.#ids.size >= this.#rpc.maxInFlight);
  }

  transmit(call: Call): RpcError | undefined {
    const { output } = this.#channel;
    const { limits } = this.#options;
    const start = output.position;
    const id = call.oneWay ? 0 : this.#ids.add(call);
    try {
      this.#write(call, id);
      const bytes = output.bytesSince(start);
      if (bytes > limits.messageBytes)
        throw new CodecError(
          `the request has ${bytes} bytes, the limit is ${limits.messageBytes} (limits.messageBytes)`,
        );
    } catch (error) {
      output.rollBack(start);
      this.#ids.take(id);
      const reason = `${call.service}.${call.method} cannot be sent: ${(error as Error).message}`;
      return callError(call, 'INVALID_ARGUMENT', reason, 'unsent', error);
    }
    if (call.oneWay) {
      this.#hasNotified = true;
      output.afterWritten(() => this.#calls.written(call));
    }
    output.flushMessages = clientFlushMessages(this.#ids.size);
    output.commit();
    return undefined;
  }

  #write(call: Call, id: number): void {
    const { output } = this.#channel;
    const { methodName, metadataFirst } = this.#rpc;
    const name = methodName === 'method' ? call.method : `${call.service}.${call.method}`;
    const { metadata = {} } = call;
    output.attachments.fromBytes = ATTACHED_BYTES_MIN;
    if (metadataFirst) encodeMetadata(metadata, this.#options.limits);
    const args = metadataFirst ? [metadata, ...call.args] : call.args;
    if (call.oneWay) writeRpcNotification(output, this.#codec, name, args);
    else writeRpcRequest(output, this.#codec, id, name, args);
    if (output.attachments.bytes > 0 && mayOutlive(call)) output.attachments.own();
  }

  giveUp(call: Call): Progress {
    this.#ids.abandon(call.id);
    if (this.#silentSince === Number.POSITIVE_INFINITY) this.#silentSince = this.#options.clock.now();
    return 'maybe-processed';
  }

  giveUpAll(lost: (call: Call, progress: Progress) => void): void {
    for (const call of this.#ids.takeAll()) lost(call, 'maybe-processed');
  }

  finish(): void {
    if (this.#channel.isOpen) this.#channel.closeAfterWriting('drained');
  }

  tick(now: number): void {
    this.#channel.tick(now);
    // Otherwise the ids would stay taken for ever, and calls could only run into their deadlines.
    if (now - this.#silentSince > SILENCE_MS) this.close(`the server has answered nothing for ${SILENCE_MS} ms`);
  }

  drain(): void {
    this.#calls.drain();
  }

  close(reason: string): void {
    this.closed(reason);
    // As on the native protocol, confirmed one-way calls must arrive.
    if (this.#hasNotified && this.#channel.waitingBytes > 0) this.#channel.closeAfterWriting(reason);
    else this.#channel.destroy(reason);
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
    this.#calls.proceed();
  }

  tooLong(start: Buffer, byteLength: number): void {
    this.#hear();
    const head = readRpcHead(start, 0);
    const isAnswer = head.type === RpcMessageType.RESPONSE;
    if (!isAnswer) this.#peerRequests.refuse(head, byteLength);
    const call = isAnswer ? this.#ids.take(head.id) : undefined;
    if (call === undefined) this.#ignored++;
    else {
      this.#calls.answered(call, this.#channel.readAt);
      const reason = `the reply has ${byteLength} bytes, the limit is ${this.#options.limits.messageBytes} (limits.messageBytes)`;
      call.fail(unfitAnswer(call, 'RESOURCE_EXHAUSTED', reason));
    }
    this.#calls.proceed();
  }

  #answer(call: Call, bytes: Buffer, start: number, end: number): void {
    this.#calls.answered(call, this.#channel.readAt);
    let message: readonly unknown[];
    try {
      message = this.#decode(bytes, start, end, bytes === this.#channel.given) as readonly unknown[];
    } catch (error) {
      const reason = `the reply is malformed: ${(error as Error).message}`;
      return call.fail(callError(call, 'INTERNAL', reason, 'processed', error));
    }
    // Anything but nil is an error, even false, 0 and the empty text.
    if (message[2] === null) return call.succeed(message[3]);
    const error = errorFromValue(message[2]);
    error.service = call.service;
    error.method = call.method;
    error.endpoint = call.destination?.address;
    call.fail(error);
  }

  /** Tells the link of the server's first message: until that comes, a failing server is tried less and less often. */
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

  drained(): void {
    this.#peerRequests.drained();
    this.#calls.proceed();
  }

  ended(): void {
    this.close('the connection was closed by the other end');
  }

  closed(reason: string): void {
    if (this.#calls.lose(reason)) this.#options.observer.closed(reason);
  }
}
