import assert from 'node:assert/strict';
import { DEFAULT_LIMITS as LIMITS } from '@org/rpc-core';
import type { CodecError } from '../src/codec/codec.js';
import { UnknownExtension } from '../src/codec/extensions.js';
import { CODECS } from './codec-conformance.js';
import { codecError, hex } from './codec-helpers.js';

const KEEP = { unknownExtensions: 'keep' } as const;
const str8 = (text: string | Buffer): Buffer =>
  Buffer.concat([Buffer.of(0xd9, Buffer.byteLength(text)), Buffer.from(text)]);

for (const codec of CODECS) {
  const { decode, encode } = codec;
  const refuses = (bytes: string | Buffer, message = /^cannot decode the message at byte \d+: /): void => {
    const input = typeof bytes === 'string' ? hex(bytes) : bytes;
    assert.throws(() => decode(input), codecError(message), input.toString('hex', 0, 40));
  };
  const gives = (bytes: string, value: unknown): void => assert.deepEqual(decode(hex(bytes)), value, bytes);

  describe(`bad and unusual bytes, by ${codec.name}`, () => {
    it('the byte that MessagePack never uses', () => {
      for (const bytes of ['c1', '91 c1', '81 a1 61 c1', '81 c1 c0']) refuses(bytes);
    });

    it('nothing at all', () => refuses(''));

    it('bytes after the value', () => {
      for (const bytes of ['c0 c0', '90 00', '81 a1 61 01 c1']) refuses(bytes, /bytes are left over/);
    });

    it('a string, binary or extension longer than the message', () => {
      for (const bytes of ['a5 61', 'd9 05 61', 'c4 02 00', 'c7 05 74 00', 'd7 ff 00']) refuses(bytes);
    });

    it('a length that is cut off', () => {
      for (const bytes of [
        'd9',
        'da 00',
        'db 00 00 00',
        'dc',
        'dd 00',
        'de 00',
        'df 00 00 00',
        'c4',
        'c5 00',
        'c6 00 00',
      ])
        refuses(bytes);
    });

    it('headers of arrays and maps that promise more than there is, nested too: refused before memory is taken', () => {
      const before = process.memoryUsage().heapUsed;
      const inputs = [
        'dd ff ff ff ff',
        'dd 01 ff ff ff',
        'df ff ff ff ff',
        'dc ff ff'.repeat(8000),
        'de ff ff'.repeat(8000),
      ];
      for (const bytes of inputs) refuses(bytes);
      refuses(`dc 7f ff ${'dc 7f ff '.repeat(11_000)}`);
      assert.ok(process.memoryUsage().heapUsed - before < 64 * 1024 * 1024);
    });

    it('strings, binaries and extensions of four gigabytes', () => {
      for (const bytes of ['c6 ff ff ff ff', 'db ff ff ff ff', 'c9 ff ff ff ff 01', '81 db ff ff ff ff'])
        refuses(bytes);
    });

    it('arrays and maps nested too deep', () => {
      refuses(`${'91'.repeat(1_000_000)} c0`);
      refuses('81 a1 61'.repeat(100_000));
      refuses(`${'91 81 a0 '.repeat(32)} 91 c0`, /nested deeper than 64/);
    });

    it('arrays and maps nested as deep as may be', () => {
      decode(hex(`${'91 81 a0 '.repeat(31)} 91 81 a0 c0`));
      assert.equal(JSON.stringify(decode(hex(`${'91'.repeat(63)} 91 c0`))).length, 132);
    });

    it('text that is not UTF-8: broken, overlong, half a surrogate pair, beyond the last code point, cut off', () => {
      for (const text of ['c3 28', 'c0 80', 'c0 af', 'ed a0 80', 'f4 90 80 80', 'e2 82', 'f0 9f 98', 'ff', '80']) {
        const bytes = hex(text);
        for (const value of [bytes, Buffer.concat([Buffer.from('x'.repeat(80)), bytes])]) {
          refuses(str8(value), /a string that is not UTF-8/);
          refuses(Buffer.concat([hex('81'), str8(value), hex('01')]), /a string that is not UTF-8/);
        }
      }
    });

    it('text that is unusual and right comes as it was: a mark at its start, NUL, direction marks, NFC and NFD', () => {
      const texts = [
        '\ufeff',
        `\ufeff${'x'.repeat(100)}`,
        'a\0b',
        '\u202eabc',
        '🙂'.repeat(20),
        '\u00e9',
        'e\u0301',
        '\ufffd',
      ];
      for (const text of texts) {
        assert.equal(decode(str8(text)), text);
        assert.deepEqual(decode(Buffer.concat([hex('81'), str8(text), hex('01')])), { [text]: 1 });
        assert.deepEqual(decode(encode([text, { [text]: text }])), [text, { [text]: text }]);
      }
    });

    it('keys that mean something to JavaScript are data of the object itself', () => {
      for (const key of [
        'constructor',
        'prototype',
        'hasOwnProperty',
        'toString',
        'then',
        'toJSON',
        'length',
        '0',
        '',
      ]) {
        const value = decode(Buffer.concat([hex('81'), str8(key), hex('a1 78')])) as Record<string, unknown>;
        assert.deepEqual(Object.getOwnPropertyDescriptor(value, key)?.value, 'x');
        assert.equal(Object.getPrototypeOf(value), Object.prototype);
      }
      assert.equal(({} as Record<string, unknown>)['x'], undefined);
    });

    it('the key __proto__, in every form', () => {
      for (const head of ['a9', 'd9 09', 'da 00 09', 'db 00 00 00 09']) {
        refuses(Buffer.concat([hex('81'), hex(head), Buffer.from('__proto__'), hex('81 a1 78 01')]), /__proto__/);
        refuses(Buffer.concat([hex('91 81'), hex(head), Buffer.from('__proto__'), hex('c0')]), /__proto__/);
      }
    });

    it('the same key twice: the last counts', () => gives('82 a1 61 01 a1 61 02', { a: 2 }));

    it('keys that are no strings', () => {
      for (const key of [
        'c0',
        'c3',
        'cb 7f f8 00 00 00 00 00 00',
        'c4 01 61',
        '90',
        '80',
        'd3 00 00 00 00 00 00 00 01',
      ])
        refuses(`81 ${key} 01`, /a key that is not a string/);
    });

    it('integers that no number holds are bigints, others are numbers, and none is rounded', () => {
      gives('cf ff ff ff ff ff ff ff ff', 2n ** 64n - 1n);
      gives('d3 80 00 00 00 00 00 00 00', -(2n ** 63n));
      gives('cf 00 20 00 00 00 00 00 01', 2n ** 53n + 1n);
      gives('cf 00 20 00 00 00 00 00 00', 2n ** 53n);
      gives('cf 00 1f ff ff ff ff ff ff', Number.MAX_SAFE_INTEGER);
      gives('d3 ff e0 00 00 00 00 00 01', Number.MIN_SAFE_INTEGER);
      gives('d3 ff e0 00 00 00 00 00 00', -(2n ** 53n));
    });

    it('integers in longer forms than they need', () => {
      gives('cc 01', 1);
      gives('d3 00 00 00 00 00 00 00 01', 1);
      gives('cf 00 00 00 00 00 00 00 00', 0);
      gives('d3 ff ff ff ff ff ff ff ff', -1);
    });

    it('numbers that are unusual: not a number, infinite, minus zero, tiny, of 32 bits', () => {
      gives('cb 7f f8 00 00 00 00 00 00', Number.NaN);
      gives('cb 7f f0 00 00 00 00 00 00', Infinity);
      gives('cb ff f0 00 00 00 00 00 00', -Infinity);
      gives('cb 80 00 00 00 00 00 00 00', -0);
      gives('cb 00 00 00 00 00 00 00 01', Number.MIN_VALUE);
      gives('ca 3d cc cc cd', Math.fround(0.1));
      for (const value of [Number.NaN, Infinity, -Infinity, -0, Number.MIN_VALUE, Math.fround(0.1), 0.1])
        assert.deepEqual(decode(encode(value)), value);
    });

    it('extensions that are unknown, empty, or no timestamp: refused, or kept where that was asked', () => {
      for (const bytes of ['c7 00 05', 'd4 72 40', 'd6 69 00 00 00 01', 'd4 78 00', 'c7 02 62 00 00']) {
        refuses(bytes, /an extension of type \d+, which is not known here/);
        assert.ok(decode(hex(bytes), {}, KEEP) instanceof UnknownExtension);
      }
      for (const bytes of ['c7 05 ff 00 00 00 00 00', 'd4 ff 00', 'd7 ff ee 6b 28 00 00 00 00 00'])
        refuses(bytes, /timestamp/);
      refuses('c7 0c ff 3b 9a c9 ff 7f ff ff ff ff ff ff ff', /outside the range of Date/);
    });

    it('the same extension with any header', () => {
      for (const header of ['d4 73', 'c7 01 73', 'c8 00 01 73', 'c9 00 00 00 01 73']) gives(`${header} 90`, new Set());
    });

    it('a million short strings, and 65,536 keys of one map', () => {
      const strings = Buffer.concat([hex('dd 00 0f 42 40'), Buffer.alloc(2_000_000, hex('a1 61'))]);
      assert.equal((decode(strings) as unknown[]).length, 1_000_000);
      const keys = Array.from({ length: 65_536 }, (_, i) => str8(`k${i.toString(36).padStart(4, '0')}`));
      const map = Buffer.concat([hex('df 00 01 00 00'), ...keys.flatMap((key) => [key, hex('01')])]);
      assert.equal(Object.keys(decode(map) as object).length, 65_536);
    });

    it('a key of a megabyte', () => {
      const key = 'k'.repeat(1_048_576);
      const bytes = Buffer.concat([hex('81 db 00 10 00 00'), Buffer.from(key), hex('01')]);
      assert.deepEqual(decode(bytes), { [key]: 1 });
    });

    it('a bad message leaves nothing behind for the good one after it', () => {
      const read = codec.create().createDecoder({ ...LIMITS });
      const good = encode({ a: [1, 'x', { b: null }] });
      for (const bad of ['91 c1', '81 a1 61', 'd9 05 61', '93 01 02', 'd4 72 40', 'c7 00 05', '91 91 91']) {
        assert.throws(
          () => read(hex(bad), 0, hex(bad).length),
          (error) => (error as CodecError).name === 'CodecError',
        );
        assert.deepEqual(read(good, 0, good.length), { a: [1, 'x', { b: null }] });
      }
    });

    it('what was decoded does not change with the bytes that it came from', () => {
      const bytes = encode({ text: 'x'.repeat(100), binary: Buffer.from('abc'), key: 'short' });
      const value = codec.create().createDecoder(LIMITS)(bytes, 0, bytes.length);
      bytes.fill(0);
      assert.deepEqual(value, { text: 'x'.repeat(100), binary: Buffer.from('abc'), key: 'short' });
      // Of its memory, which it may share with others of its message, the rest shows nothing.
      const { buffer, byteOffset } = (value as { binary: Buffer }).binary;
      assert.ok(byteOffset === 0 && buffer.byteLength <= bytes.length);
      assert.ok(Buffer.from(buffer as ArrayBuffer, 3).every((byte) => byte === 0));
    });
  });
}
