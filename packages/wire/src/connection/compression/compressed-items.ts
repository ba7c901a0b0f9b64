import type { Limits, RpcError } from '@org/rpc-core';
import { isPromise, rpcError } from '@org/rpc-core/internal';
import { CodecError } from '../../codec/codec.js';
import { readInflatedLength } from '../../frames/compressed.js';
import { GoAwayCode } from '../../frames/frame.js';
import type { FrameChannel } from '../channel/frame-channel.js';
import { inflate } from './inflate.js';

/** Keeps the compressed items of the streams of one connection until somebody takes them. */
export class CompressedItems {
  readonly #channel: FrameChannel;
  readonly #limits: Limits;

  constructor(channel: FrameChannel, limits: Limits) {
    this.#channel = channel;
    this.#limits = limits;
  }

  /**
   * Copies an item whose payload is `bytes[start, end)`. What it returns gives the item, or a promise of it.
   * @throws ProtocolError when it is cut short
   */
  keep(bytes: Buffer, start: number, end: number): () => unknown {
    const { messageBytes } = this.#limits;
    const inflatedBytes = readInflatedLength(bytes, start, end);
    if (inflatedBytes > messageBytes) {
      return () => {
        const reason = `an item inflates to ${inflatedBytes} bytes, the limit is ${messageBytes} (limits.messageBytes)`;
        throw rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'processed' });
      };
    }
    const kept = Buffer.from(bytes.subarray(start, end));
    return () => this.#open(kept);
  }

  #open(kept: Buffer): unknown {
    let payload: Buffer | Promise<Buffer>;
    try {
      payload = inflate(kept, 0, kept.length);
    } catch (error) {
      return notInflated(error);
    }
    if (!isPromise(payload)) return this.#decode(payload);
    return payload.then((inflated) => this.#decode(inflated), notInflated);
  }

  #decode(payload: Buffer): unknown {
    try {
      return payload.length === 0 ? undefined : this.#channel.decode(payload, 0, payload.length);
    } catch (error) {
      if (error instanceof CodecError && !error.malformed) throw unreadableItem(this.#channel, error);
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

/** What whoever takes an item gets that is sound, and beyond the bounds of this side or of a kind that it lacks. */
export function unreadableItem({ isServer }: FrameChannel, error: CodecError): RpcError {
  const reason = `an item cannot be taken: ${error.message}`;
  return rpcError(isServer ? 'INVALID_ARGUMENT' : 'INTERNAL', reason, { progress: 'processed', cause: error });
}
