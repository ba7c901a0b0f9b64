import type { Limits } from '@org/rpc-core';
import { isRpcError } from '@org/rpc-core';
import { isPromise, rpcError } from '@org/rpc-core/internal';
import type { Codec, DecodeMessage } from '../../codec/codec.js';
import { type RpcMessageHead, RpcMessageType, writeRpcError, writeRpcResult } from '../../frames/message-pack-rpc.js';
import { noRoomForAnswer } from '../server/answer-room.js';
import type { ValueChannel } from './value-channel.js';

/** A client's handlers for requests and notifications from its server, by the name that the server uses. */
export type PeerHandlers = Readonly<Record<string, (...params: never[]) => unknown>>;

/** What serving the requests of a server needs from the client's connection. */
export interface PeerRequestsOptions {
  readonly handlers: PeerHandlers;
  readonly codec: Codec;
  readonly decode: DecodeMessage;
  readonly limits: Limits;
  readonly channel: ValueChannel;
}

/**
 * Serves the requests that a server sends to its client. Handlers are trusted as little as those of a server: an error that a handler
 * throws becomes a warning in this process, and the server learns only that the request failed, unless the error is an `RpcError`.
 */
export class PeerRequests {
  readonly #options: PeerRequestsOptions;
  #running = 0;
  /** Bytes of the answers that were written since the write queue became full. */
  #answerBytes = 0;

  constructor(options: PeerRequestsOptions) {
    this.#options = options;
  }

  /**
   * Takes a request or notification, `bytes[start, end)`.
   * @returns whether it had a handler
   */
  take(head: RpcMessageHead, bytes: Buffer, start: number, end: number): boolean {
    const { handlers, limits } = this.#options;
    const name = head.method ?? '';
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (handler === undefined) {
      const reason = name === '' ? 'a request without the name of a method' : `this client serves no method "${name}"`;
      this.#fail(head, rpcError('UNIMPLEMENTED', reason));
      return false;
    }
    try {
      if (this.#running >= limits.callsInFlight)
        throw rpcError('RESOURCE_EXHAUSTED', `${limits.callsInFlight} requests are running (limits.callsInFlight)`);
      const result = handler(...(this.#params(bytes, start, end) as never[]));
      if (isPromise(result)) this.#await(head, result);
      else this.#succeed(head, result);
    } catch (error) {
      this.#fail(head, error);
    }
    return true;
  }

  /** Refuses a request that was too long to be kept; a notification gets no answer. */
  refuse(head: RpcMessageHead, byteLength: number): void {
    const { messageBytes } = this.#options.limits;
    const reason = `the request has ${byteLength} bytes, the limit is ${messageBytes} (limits.messageBytes)`;
    this.#fail(head, rpcError('RESOURCE_EXHAUSTED', reason));
  }

  /** Everything queued has been written: takes up the requests that had to wait. */
  drained(): void {
    const { channel } = this.#options;
    if (channel.isFull) return;
    this.#answerBytes = 0;
    channel.readOn();
  }

  #params(bytes: Buffer, start: number, end: number): unknown[] {
    let message: unknown[];
    try {
      message = this.#options.decode(bytes, start, end) as unknown[];
    } catch (error) {
      throw rpcError('INVALID_ARGUMENT', `the params are malformed: ${(error as Error).message}`);
    }
    const params = message.at(-1);
    if (!Array.isArray(params)) throw rpcError('INVALID_ARGUMENT', 'the params of a request are an array');
    return params;
  }

  #await(head: RpcMessageHead, result: PromiseLike<unknown>): void {
    this.#running++;
    result.then(
      (value) => {
        this.#running--;
        this.#succeed(head, value);
      },
      (error: unknown) => {
        this.#running--;
        this.#fail(head, error);
      },
    );
  }

  #succeed(head: RpcMessageHead, value: unknown): void {
    const { channel, codec, limits } = this.#options;
    if (head.type !== RpcMessageType.REQUEST || !channel.isOpen) return;
    const noRoom = noRoomForAnswer(channel, limits);
    if (noRoom !== undefined) return this.#fail(head, noRoom);
    const { output } = channel;
    const start = output.position;
    try {
      writeRpcResult(output, codec, head.id, value);
    } catch (error) {
      output.rollBack(start);
      return this.#fail(head, error);
    }
    const bytes = output.bytesSince(start);
    if (bytes <= limits.messageBytes) return this.#commit(bytes);
    output.rollBack(start);
    const reason = `the result has ${bytes} bytes, the limit is ${limits.messageBytes} (limits.messageBytes)`;
    this.#fail(head, rpcError('OUT_OF_RANGE', reason));
  }

  #fail(head: RpcMessageHead, error: unknown): void {
    const isForPeer = isRpcError(error);
    if (!isForPeer) process.emitWarning(error instanceof Error ? error : String(error));
    const { channel, codec } = this.#options;
    if (head.type !== RpcMessageType.REQUEST || !channel.isOpen) return;
    const text = isForPeer ? `${error.code}: ${error.reason}` : 'INTERNAL: the handler failed';
    const start = channel.output.position;
    writeRpcError(channel.output, codec, head.id, text);
    this.#commit(channel.output.bytesSince(start));
  }

  /**
   * Completes an answer. The connection reads on while its own requests wait to be written, but a server that asks and does not read the
   * answers would fill the memory, so they have a bound of their own.
   */
  #commit(bytes: number): void {
    const { channel, limits } = this.#options;
    channel.output.commit();
    if (!channel.isFull) return;
    this.#answerBytes += bytes;
    if (this.#answerBytes > limits.writeQueueBytes) channel.hold();
  }
}
