import { DEFAULT_LIMITS, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { type Codec, type DecodeMessage, msgpack } from '@org/rpc-wire';

/*
 * What goes over the stream of callbacks, see docs/callbacks.md. Arguments, results and details are bytes of MessagePack of their own, so that
 * what cannot be written or read costs one call and not the stream.
 */

/** One item, in either direction. */
export type CallbackItem = readonly unknown[];

/**
 * The method by which a client opens itself for calls of its server: `duplex<CallbackStream<[topic: string]>>()`.
 * `A` are the arguments that the client gives when it opens.
 */
export type CallbackStream<A extends readonly unknown[] = []> = (
  answers: AsyncIterable<CallbackItem>,
  ...args: A
) => AsyncIterable<CallbackItem>;

/** The version of these items, in the first one of a client. */
export const CALLBACK_VERSION = 1;

/** Arguments, a result or details may have so many bytes: a stream has no more under way by default. */
export const PAYLOAD_BYTES_MAX = 65_536;

/** A server says something at least this often, in milliseconds, so that no silence is taken for an end. */
export const HEARTBEAT_MS = 20_000;

const CODEC: Codec = msgpack();

/** A decoder with the bounds of a connection: one for each stream. */
export function payloadDecoder(): DecodeMessage {
  return CODEC.createDecoder({ ...DEFAULT_LIMITS, messageBytes: PAYLOAD_BYTES_MAX });
}

/** A value as bytes. @throws RpcError INVALID_ARGUMENT when it cannot be written, RESOURCE_EXHAUSTED when it is too large */
export function payloadOf(what: string, value: unknown): Buffer {
  const bytes = Buffer.allocUnsafeSlow(256);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const target = { chunk: { bytes, view }, position: 0 };
  try {
    CODEC.encode(value, target);
  } catch (error) {
    throw rpcError('INVALID_ARGUMENT', `${what} cannot be sent: ${(error as Error).message}`, { progress: 'unsent' });
  }
  if (target.position > PAYLOAD_BYTES_MAX)
    throw rpcError(
      'RESOURCE_EXHAUSTED',
      `${what} has ${target.position} bytes, a callback carries ${PAYLOAD_BYTES_MAX}`,
      { progress: 'unsent' },
    );
  return target.chunk.bytes.subarray(0, target.position);
}

/** The value of bytes that the other side has sent. @throws Error when they are none within the bounds */
export function readPayload(decode: DecodeMessage, payload: unknown): unknown {
  if (!(payload instanceof Uint8Array) || payload.length > PAYLOAD_BYTES_MAX)
    throw new RpcError('INVALID_ARGUMENT', 'what should be the bytes of a value is not');
  // A copy, since what is read may point into it.
  const bytes = Buffer.from(payload);
  return decode(bytes, 0, bytes.length);
}
