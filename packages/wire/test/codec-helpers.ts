import { DEFAULT_LIMITS, type Limits } from '@org/rpc-core';
import { allocateChunk, type Codec, type CodecError } from '../src/codec/codec.js';
import { type MsgpackOptions, msgpack } from '../src/codec/msgpack.js';

/** The bytes of a text such as `dc ff ff`. */
export function hex(text: string): Buffer {
  const digits = text.replace(/[\s-]/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not hex: ${text}`);
  return Buffer.from(digits, 'hex');
}

/** Encodes one value with a codec of its own, into a chunk that is too small for most. */
export function encoded(value: unknown, codec: Codec = msgpack()): Buffer {
  const target = { chunk: allocateChunk(8), position: 0 };
  codec.encode(value, target);
  return Buffer.from(target.chunk.bytes.subarray(0, target.position));
}

/** Decodes one whole message, in the middle of a chunk whose other bytes are all numbers. */
export function decoded(
  bytes: Buffer,
  limits: Partial<Limits> = {},
  options: MsgpackOptions = {},
  create: (options: MsgpackOptions) => Codec = msgpack,
): unknown {
  const decode = create(options).createDecoder({ ...DEFAULT_LIMITS, ...limits });
  const chunk = Buffer.concat([hex('01 02 03'), bytes, Buffer.alloc(64, 7)]);
  return decode(chunk, 3, 3 + bytes.length);
}

/** For `assert.throws`: a CodecError whose message matches. */
export function codecError(message: RegExp): (error: unknown) => boolean {
  return (error) => (error as CodecError).name === 'CodecError' && message.test((error as CodecError).message);
}
