import type { Limits } from '@org/rpc-core';
import type { Codec } from '../src/codec/codec.js';
import { type MsgpackOptions, msgpack } from '../src/codec/msgpack.js';
import { msgpackrCodec } from '../src/codec/msgpackr.js';
import { decoded, encoded } from './codec-helpers.js';

/** A codec under test, with what its tests are written in. */
export interface CodecUnderTest {
  /** As a user writes it. */
  readonly name: string;
  create(options?: MsgpackOptions): Codec;
  encode(value: unknown): Buffer;
  /** Decodes one whole message in the middle of other bytes. */
  decode(bytes: Buffer, limits?: Partial<Limits>, options?: MsgpackOptions): unknown;
}

/** Every codec that there is. All have to encode to the same bytes, and decode and refuse the same ones. */
export const CODECS: readonly CodecUnderTest[] = [
  codecUnderTest('msgpack()', msgpack),
  codecUnderTest('msgpackrCodec()', msgpackrCodec),
];

function codecUnderTest(name: string, create: (options?: MsgpackOptions) => Codec): CodecUnderTest {
  return {
    name,
    create,
    encode: (value) => encoded(value, create()),
    decode: (bytes, limits = {}, options = {}) => decoded(bytes, limits, options, create),
  };
}
