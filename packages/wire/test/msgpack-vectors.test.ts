import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { decodeMulti, decode as stockDecode, encode as stockEncode } from '@msgpack/msgpack';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { allocateChunk } from '../src/codec/codec.js';
import { UnknownExtension } from '../src/codec/extensions.js';
import { createScanner } from '../src/codec/scanner.js';
import { CODECS } from './codec-conformance.js';
import { codecError, hex } from './codec-helpers.js';

/** One value of msgpack-test-suite with all of its forms; which of the fields is there says what kind of value it is. */
interface SuiteCase {
  readonly binary?: string;
  readonly number?: number;
  readonly bignum?: string;
  readonly timestamp?: readonly [seconds: number, nanoseconds: number];
  readonly ext?: readonly [type: number, data: string];
  readonly msgpack: readonly string[];
  readonly [kind: string]: unknown;
}

const read = (name: string): Buffer => readFileSync(new URL(`./vectors/${name}`, import.meta.url));
const suite = JSON.parse(read('msgpack-test-suite.json').toString()) as Record<string, SuiteCase[]>;
const cases = Object.values(suite).flat();
const forms = cases.flatMap((value) => value.msgpack.map((form) => ({ value, bytes: hex(form) })));
const KEEP = { unknownExtensions: 'keep' } as const;

/** What our decoder should make of a form. */
function expected(value: SuiteCase, bytes: Buffer): unknown {
  if (value.binary !== undefined) return hex(value.binary);
  if (value.ext !== undefined) return new UnknownExtension(value.ext[0], hex(value.ext[1]));
  if (value.timestamp !== undefined) {
    const [seconds, nanoseconds] = value.timestamp;
    return new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
  }
  if (value.bignum !== undefined) {
    const exact = BigInt(value.bignum);
    const isInteger = bytes[0] === 0xcf || bytes[0] === 0xd3;
    return isInteger && !Number.isSafeInteger(Number(exact)) ? exact : Number(exact);
  }
  const kind = Object.keys(value).find((key) => key !== 'msgpack');
  return value[kind ?? ''];
}

for (const codec of CODECS) {
  describe(`msgpack-test-suite, by ${codec.name}`, () => {
    it('has all of its 233 forms', () => assert.equal(forms.length, 233));

    it('is decoded as it says, every form', () => {
      for (const { value, bytes } of forms) {
        const got = codec.decode(bytes, {}, KEEP);
        // The suite writes 0 and -0 as the same number.
        const isZero = got === 0 && expected(value, bytes) === 0;
        if (!isZero) assert.deepEqual(got, expected(value, bytes), bytes.toString('hex'));
      }
    });

    it('is decoded as the library does, but for 64-bit integers, extensions and cut milliseconds', () => {
      for (const { value, bytes } of forms) {
        if (value.ext !== undefined || value.timestamp !== undefined) continue;
        const got = codec.decode(bytes);
        const theirs = stockDecode(bytes);
        if (typeof got === 'bigint') assert.equal(Number(got), theirs);
        else assert.deepEqual(got, theirs);
      }
    });

    it('is encoded to a form that it lists, the one that the library chooses', () => {
      for (const value of cases) {
        // Parts of a millisecond do not come back out of a Date.
        if (value.timestamp !== undefined && value.timestamp[1] % 1e6 !== 0) continue;
        const message = codec.decode(hex(value.msgpack[0]!), {}, KEEP);
        const bytes = codec.encode(message);
        assert.ok(
          value.msgpack.some((form) => hex(form).equals(bytes)),
          `${value.msgpack[0]} became ${bytes.toString('hex')}`,
        );
        if (value.ext === undefined)
          assert.deepEqual(bytes, Buffer.from(stockEncode(message, { useBigInt64: typeof message === 'bigint' })));
      }
    });

    it('is refused when any of its bytes are missing', () => {
      for (const { bytes } of forms) {
        for (let end = 0; end < bytes.length; end++) {
          assert.throws(
            () => codec.decode(bytes.subarray(0, end), {}, KEEP),
            codecError(/cannot decode the message at byte/),
          );
        }
      }
    });
  });

  describe(`official cases of MessagePack, by ${codec.name}`, () => {
    const values = JSON.parse(read('msgpack-official-cases/cases.json').toString()) as unknown[];

    for (const name of ['cases.msg', 'cases_compact.msg']) {
      it(`are found and decoded one after the other in ${name}, as the library decodes them`, () => {
        const bytes = read(`msgpack-official-cases/${name}`);
        const theirs = [...decodeMulti(bytes)];
        const scanner = createScanner(DEFAULT_LIMITS);
        const decode = codec.create().createDecoder(DEFAULT_LIMITS);
        const got: unknown[] = [];
        for (let at = 0; at < bytes.length; ) {
          const end = scanner.push(bytes, at, bytes.length);
          assert.ok(end > at);
          got.push(decode(bytes, at, end));
          at = end;
        }
        assert.equal(got.length, 51);
        assert.deepEqual(got, theirs);
        got.forEach((value, i) => {
          assert.ok(value === 0 || isDeepEqual(value, values[i]), `case ${i}`);
        });
      });
    }

    it('are encoded as compactly as the compact file, floats apart', () => {
      const target = { chunk: allocateChunk(8), position: 0 };
      for (const value of decodeMulti(read('msgpack-official-cases/cases_compact.msg')))
        codec.create().encode(value, target);
      const theirs = Buffer.concat(
        [...decodeMulti(read('msgpack-official-cases/cases_compact.msg'))].map((value) =>
          Object.is(value, -0) ? hex('cb 80 00 00 00 00 00 00 00') : stockEncode(value),
        ),
      );
      assert.deepEqual(target.chunk.bytes.subarray(0, target.position), theirs);
    });
  });

  describe(`utf8tests, by ${codec.name}`, () => {
    const lines = read('utf8tests.txt')
      .toString()
      .split('\n')
      .filter((line) => /^[\d.]+: *(in)?valid/.test(line));
    const bytesOf = (line: string): Buffer => {
      const [, kind = '', text = ''] = line.split(':');
      return kind.includes('hex') ? hex(text) : Buffer.from(text);
    };
    const invalid = lines.filter((line) => /: *invalid/.test(line)).map(bytesOf);
    const valid = lines.filter((line) => /: *valid/.test(line)).map(bytesOf);
    const str8 = (bytes: Buffer): Buffer => Buffer.concat([hex('d9'), Buffer.from([bytes.length]), bytes]);

    it('has 145 malformed and 77 well-formed sequences', () => {
      assert.deepEqual([invalid.length, valid.length], [145, 77]);
    });

    it('is refused where malformed: alone, inside longer text, as a key', () => {
      for (const bytes of invalid) {
        const long = Buffer.concat([Buffer.from('x'.repeat(30)), bytes, Buffer.from('y')]);
        const key = Buffer.concat([hex('81'), str8(bytes), hex('c0')]);
        for (const message of [str8(bytes), str8(long), key]) {
          assert.throws(() => codec.decode(message), codecError(/not UTF-8/), bytes.toString('hex'));
        }
      }
    });

    it('is taken and kept byte for byte where well-formed', () => {
      for (const bytes of valid) {
        const text = codec.decode(str8(bytes)) as string;
        assert.deepEqual(Buffer.from(text), bytes);
        assert.equal(codec.decode(codec.encode(text)), text);
        assert.deepEqual(codec.decode(codec.encode({ [text]: text })), { [text]: text });
      }
    });
  });

  describe(`big list of naughty strings, by ${codec.name}`, () => {
    const strings = JSON.parse(read('blns.json').toString()) as string[];

    it('comes back as values and as keys, in the bytes of the library', () => {
      assert.equal(strings.length, 515);
      for (const text of strings) {
        assert.equal(codec.decode(codec.encode(text)), text);
        assert.deepEqual(codec.encode(text), Buffer.from(stockEncode(text)));
        assert.deepEqual(codec.decode(codec.encode({ [text]: text })), { [text]: text });
      }
      assert.deepEqual(codec.decode(codec.encode(strings)), strings);
    });
  });
}

function isDeepEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
