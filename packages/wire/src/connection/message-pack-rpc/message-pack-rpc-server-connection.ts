import type { Clock, Limits, Peer, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { ATTACHED_BYTES_MIN } from '../../codec/attachments.js';
import type { Codec, DecodeMessage } from '../../codec/codec.js';
import { foreignMsgpack } from '../../codec/foreign-msgpack.js';
import { RequestFlag } from '../../frames/frame.js';
import {
  type RpcMessageHead,
  RpcMessageType,
  readLeadingMetadata,
  readRequestId,
  readRpcHead,
  writeRpcError,
  writeRpcResult,
} from '../../frames/message-pack-rpc.js';
import type { ByteReceiver } from '../../transport/byte-stream.js';
import { FloodGuard } from '../channel/flood-guard.js';
import { SERVER_FLUSH_MESSAGES } from '../channel/output.js';
import { noRoomForAnswer } from '../server/answer-room.js';
import { IncomingCall, type IncomingPort, type MethodEntry } from '../server/incoming-call.js';
import { cutOff, RunningCalls } from '../server/running-calls.js';
import type { ServerHost, Successor, SuccessorOptions } from '../server/server-host.js';
import { ValueChannel, type ValueChannelOwner } from './value-channel.js';

/** The priority of every call: this protocol carries none. */
const USUAL_PRIORITY = 128;

/**
 * The server's end of a connection whose peer speaks MessagePack-RPC: the same calls, bounds and authorization as on the native
 * protocol, as far as MessagePack-RPC can carry them. It has no deadline, no cancel and no goodbye.
 */
export class MessagePackRpcServerConnection<Entry extends MethodEntry>
  implements Successor, ValueChannelOwner, IncomingPort<Entry>
{
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #host: ServerHost<Entry>;
  readonly #denied: RpcError | undefined;
  readonly #onClosed: (reason: string) => void;
  readonly #channel: ValueChannel;
  readonly #codec: Codec = foreignMsgpack();
  readonly #decode: DecodeMessage;
  readonly #metadataFirst: boolean;
  readonly #running: RunningCalls<Entry>;
  readonly #floods: FloodGuard;
  readonly peer: Peer;
  #refusing: string | undefined;
  #retiring: string | undefined;
  #peerEnded = false;
  #closed = false;

  constructor(options: SuccessorOptions<Entry>) {
    const { stream, limits, memory, clock, host, openedAt, keepalive } = options;
    this.#limits = limits;
    this.#clock = clock;
    this.#host = host;
    this.#onClosed = options.closed;
    this.peer = options.peer;
    this.#denied = options.denied;
    this.#decode = this.#codec.createDecoder(limits);
    this.#running = new RunningCalls(limits, memory);
    this.#metadataFirst = host.self.metadataFirst;
    this.#floods = new FloodGuard(limits);
    this.#channel = new ValueChannel({
      stream,
      limits,
      clock,
      owner: this,
      firstMessageBy: openedAt + limits.handshakeMs,
      keepalive,
      memory,
    });
    this.#channel.output.flushMessages = SERVER_FLUSH_MESSAGES;
  }

  /** Receives the bytes of the stream. */
  get receiver(): ByteReceiver {
    return this.#channel.receiver;
  }

  /** How many handlers run on behalf of this connection. */
  get running(): number {
    return this.#running.size;
  }

  get calls(): Iterable<IncomingCall<Entry>> {
    return this.#running.all();
  }

  /** From now on new calls are refused. The protocol has no goodbye: the connection ends with the last answer. */
  refuseNew(reason: string): void {
    this.#refusing = reason;
    this.#endIfIdle();
  }

  /** The protocol can't ask for another connection: this one ends as soon as nothing runs. */
  retire(reason: string): void {
    this.#retiring = reason;
    this.#endIfIdle();
  }

  /** Ends the connection: handlers that still run see their signal abort, and their callers are answered. */
  close(reason: string): void {
    this.#running.abandonOneWay(reason);
    for (const call of [...this.#running.values()]) {
      const error = cutOff(call, reason);
      if (this.#running.giveUp(call.id, error) !== undefined) this.#answerError(call.id, error);
    }
    this.#channel.closeAfterWriting(reason);
  }

  tick(now: number): void {
    this.#channel.tick(now);
    // Not at once: a peer that has sent several calls learns for each one why it is refused.
    if (this.#denied !== undefined) this.#channel.closeAfterWriting(`refused: ${this.#denied.reason}`);
    if (this.#peerEnded) this.#channel.poke();
  }

  // IncomingPort

  get draining(): AbortSignal {
    return this.#host.self.draining;
  }

  now(): number {
    return this.#clock.now();
  }

  atDeadline(deadline: number, run: () => void): () => void {
    return this.#clock.schedule(deadline - this.#clock.now(), run, true);
  }

  // ValueChannelOwner

  message(bytes: Buffer, start: number, end: number): void {
    const head = readRpcHead(bytes, start);
    // Nothing was asked of the peer.
    if (head.type === RpcMessageType.RESPONSE) return this.#floods.ignore('an answer', this.#channel.readAt);
    const oneWay = head.type === RpcMessageType.NOTIFICATION;
    const admitted = this.#admit(head, oneWay, bytes, end, end - start);
    if (admitted instanceof IncomingCall) return this.#host.serve(admitted, bytes, head.start, end);
    // Nobody waits for an answer to a notification, and a notification of an unknown method does no harm.
    if (oneWay) this.#host.dropped?.(admitted, this.peer);
    else this.#answerError(head.id, admitted);
  }

  tooLong(start: Buffer, byteLength: number): void {
    const { type, id } = readRpcHead(start, 0);
    if (type === RpcMessageType.RESPONSE) return this.#floods.ignore('an answer', this.#channel.readAt);
    const reason = `the request has ${byteLength} bytes, the limit is ${this.#limits.messageBytes} (limits.messageBytes)`;
    const refusal = this.#denied ?? refused('RESOURCE_EXHAUSTED', reason);
    if (type === RpcMessageType.NOTIFICATION) this.#host.dropped?.(refusal, this.peer);
    else this.#answerError(id, refusal);
  }

  malformed(reason: string, head: Buffer): void {
    // Nothing is answered where no id is known: many peers use the id 0 for a call, and an unexpected answer breaks them.
    const id = readRequestId(head, 0, head.length);
    if (id !== undefined) this.#answerError(id, refused('INVALID_ARGUMENT', reason));
  }

  drained(): void {}

  ended(): void {
    this.#peerEnded = true;
    this.#endIfIdle();
  }

  closed(reason: string, byUs = false): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#running.abandonAll(reason);
    if (byUs) this.#running.abandonOneWay(reason);
    this.#onClosed(reason);
  }

  get isOpen(): boolean {
    return this.#channel.isOpen;
  }

  hold(call: IncomingCall<Entry>): void {
    this.#running.add(call);
  }

  inflate(): never {
    throw new TypeError('MessagePack-RPC compresses nothing');
  }

  decode(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): readonly unknown[] {
    let args: unknown;
    try {
      args = this.#decode(bytes, start, end, bytes === this.#channel.given);
    } catch (error) {
      // The scanner knows where the message ends, whatever it holds, so the next message is sound.
      throw refused('INVALID_ARGUMENT', `the parameters are malformed: ${(error as Error).message}`);
    }
    if (!Array.isArray(args)) throw refused('INVALID_ARGUMENT', 'the parameters must be an array');
    const refusal = this.#running.charge(call, this.#decode.extraBytes ?? 0);
    if (refusal !== undefined) throw refusal;
    return this.#metadataFirst ? args.slice(1) : args;
  }

  answer(call: IncomingCall<Entry>, value: unknown): void {
    const { output } = this.#channel;
    const noRoom = noRoomForAnswer(this.#channel, this.#limits);
    if (noRoom !== undefined) throw noRoom;
    const start = output.position;
    output.attachments.fromBytes = ATTACHED_BYTES_MIN;
    try {
      writeRpcResult(output, this.#codec, call.id, value);
    } catch (error) {
      output.rollBack(start);
      throw error;
    }
    const bytes = output.bytesSince(start);
    const { messageBytes } = this.#limits;
    if (bytes > messageBytes) {
      output.rollBack(start);
      const reason = `the result has ${bytes} bytes, the limit is ${messageBytes} (limits.messageBytes)`;
      // The handler has run and would return the same again. The protocol has no flag for that, so this code is used, which
      // nobody retries.
      throw rpcError('OUT_OF_RANGE', reason);
    }
    output.commit();
  }

  answerItems(): never {
    throw new TypeError('MessagePack-RPC has no streams');
  }

  fail(call: IncomingCall<Entry>, error: RpcError): void {
    this.#answerError(call.id, error);
  }

  end(call: IncomingCall<Entry>): void {
    this.#running.remove(call);
    this.#endIfIdle();
  }

  #answerError(id: number, error: RpcError): void {
    writeRpcError(this.#channel.output, this.#codec, id, error.message);
    this.#channel.output.commit();
  }

  /** Returns the call, or the error that refuses it. */
  #admit(
    head: RpcMessageHead,
    oneWay: boolean,
    bytes: Buffer,
    end: number,
    requestBytes: number,
  ): IncomingCall<Entry> | RpcError {
    if (this.#denied !== undefined) return this.#denied;
    const { id, method } = head;
    if (method === undefined) return refused('UNIMPLEMENTED', 'the method must be a name');
    if (!oneWay && this.#running.get(id) !== undefined)
      return refused('INVALID_ARGUMENT', `a request with the id ${id} is in flight already`);
    const entry = this.#host.find(method);
    if ('code' in entry) return entry;
    const flags = oneWay ? RequestFlag.ONE_WAY : 0;
    const call = new IncomingCall<Entry>(this, entry, id, Number.POSITIVE_INFINITY, flags, 0, USUAL_PRIORITY);
    if (this.#metadataFirst) {
      try {
        call.metadata = readLeadingMetadata(this.#decode, bytes, head.start, end, this.#limits);
      } catch (error) {
        return error as RpcError;
      }
    }
    if (this.#refusing !== undefined && !oneWay) return refused('UNAVAILABLE', this.#refusing);
    const refusal = this.#running.refusal(requestBytes);
    if (refusal !== undefined) return refusal;
    call.requestBytes = requestBytes;
    return call;
  }

  #endIfIdle(): void {
    const reason = this.#refusing ?? this.#retiring;
    if (this.running > 0 || !(this.#peerEnded || reason !== undefined)) return;
    this.#channel.closeAfterWriting(reason ?? 'the connection was closed by the other end');
  }
}

function refused(code: RpcError['code'], reason: string): RpcError {
  return rpcError(code, reason, { progress: 'refused', hasStack: false });
}

/** Makes the server's end of a connection whose peer speaks MessagePack-RPC. A native connection hands over to it. */
export function serveMessagePackRpc<Entry extends MethodEntry>(options: SuccessorOptions<Entry>): Successor<Entry> {
  return new MessagePackRpcServerConnection(options);
}
