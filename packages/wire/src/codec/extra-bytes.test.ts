import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { encoded, hex } from '../../test/codec-helpers.js';
import { msgpack } from './msgpack.js';
import { msgpackrCodec } from './msgpackr.js';

for (const [name, codec] of [
  ['msgpack()', msgpack()],
  ['msgpackrCodec()', msgpackrCodec()],
] as const) {
  const decode = codec.createDecoder(DEFAULT_LIMITS);
  const extra = (bytes: Buffer): number => {
    decode(bytes, 0, bytes.length);
    return decode.extraBytes!;
  };

  describe(`what a value takes besides its bytes, by a decoder of ${name}`, () => {
    it('is nothing for what is only text', () => assert.equal(extra(encoded('x'.repeat(10_000))), 0));

    it('counts every place for an empty object, which takes one byte', () => {
      assert.equal(extra(Buffer.concat([hex('dc 03 e8'), Buffer.alloc(1000, 0x80)])), 64_000);
    });

    it('counts binaries and extensions, also inside extensions', () => {
      assert.equal(extra(encoded([Buffer.alloc(0), Buffer.alloc(9)])), 2 * (64 + 256));
      assert.equal(extra(encoded([new Set([new Date(0)])])), 64 + 256 + 64 + 64);
    });

    it('counts each message anew', () => {
      extra(encoded([new Set([1])]));
      assert.equal(extra(encoded(['a'])), 64);
    });

    it('counts numbers less in a large message, so that a list of them does not fill the budget of a connection', () => {
      assert.equal(extra(encoded(Array.from({ length: 100_000 }, () => 1.5))), 2_400_000);
      assert.equal(extra(Buffer.concat([hex('dd 00 01 86 a0'), Buffer.alloc(100_000, 0x80)])), 6_400_000);
    });
  });
}
