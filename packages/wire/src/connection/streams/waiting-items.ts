import type { Limits, RpcError } from '@org/rpc-core';
import { isPromise, rpcError } from '@org/rpc-core/internal';
import { CodecError } from '../../codec/codec.js';
import { readInflatedLength } from '../../frames/compressed.js';
import { GoAwayCode } from '../../frames/frame.js';
import type { FrameChannel } from '../channel/frame-channel.js';
import { inflate } from '../compression/inflate.js';
import type { WaitingItem } from './item-backlog.js';

/** Decodes items of one connection's streams that waited as bytes until they were taken. */
export class WaitingItems {
  readonly #channel: FrameChannel;
  readonly #limits: Limits;

  constructor(channel: FrameChannel, limits: Limits) {
    this.#channel = channel;
    this.#limits = limits;
  }

  /**
   * Decodes an item; returns a promise if it is compressed and large.
   * @throws RpcError when it cannot be read; if it is malformed, the connection is closed
   */
  read({ bytes, start, end, isCompressed, mayKeep }: WaitingItem): unknown {
    if (!isCompressed) return this.#decode(bytes, start, end, mayKeep);
    const { messageBytes } = this.#limits;
    const inflatedBytes = readInflatedLength(bytes, start, end);
    if (inflatedBytes > messageBytes) {
      const reason = `an item inflates to ${inflatedBytes} bytes, the limit is ${messageBytes} (limits.messageBytes)`;
      throw rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'processed' });
    }
    let payload: Buffer | Promise<Buffer>;
    try {
      payload = inflate(bytes, start, end);
    } catch (error) {
      return notInflated(error);
    }
    if (!isPromise(payload)) return this.#decode(payload, 0, payload.length);
    return payload.then((inflated) => this.#decode(inflated, 0, inflated.length), notInflated);
  }

  #decode(bytes: Buffer, start: number, end: number, mayKeep = false): unknown {
    try {
      return start === end ? undefined : this.#channel.decode(bytes, start, end, mayKeep);
    } catch (error) {
      if (error instanceof CodecError && !error.malformed) throw unreadable(this.#channel, error);
      const reason = `an item is malformed: ${(error as Error).message}`;
      this.#channel.closeFor(GoAwayCode.PROTOCOL_ERROR, reason);
      throw rpcError('INTERNAL', reason, { progress: 'processed', cause: error });
    }
  }
}

function notInflated(error: unknown): never {
  const reason = `a compressed item cannot be read: ${(error as Error).message}`;
  throw rpcError('INTERNAL', reason, { progress: 'processed', cause: error });
}

/** The error for the reader of an item that is well-formed, but beyond this side's bounds or of a type unknown here. */
function unreadable({ isServer }: FrameChannel, error: CodecError): RpcError {
  const reason = `an item cannot be taken: ${error.message}`;
  return rpcError(isServer ? 'INVALID_ARGUMENT' : 'INTERNAL', reason, { progress: 'processed', cause: error });
}
