import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { codecError, decoded, encoded, hex } from '../../test/codec-helpers.js';
import type { CodecError } from './codec.js';
import { msgpack } from './msgpack.js';

const refuses = (bytes: Buffer, message: RegExp): void => assert.throws(() => decoded(bytes), codecError(message));
const nested = (header: string, times: number, inner: string): Buffer => hex(`${header.repeat(times)}${inner}`);

describe('bounded decoder: grammar and lengths', () => {
  it('refuses the byte c1, which is never used', () => refuses(hex('c1'), /at byte 1: .*0xc1/));

  it('refuses an empty message', () => refuses(hex(''), /at byte 0: it ends inside a value/));

  it('refuses bytes after the value', () => refuses(hex('c0 c0'), /at byte 1: bytes are left over/));

  it('refuses a string longer than the message', () =>
    refuses(hex('a5 61'), /at byte 1: a string of 5 bytes where only 1/));

  it('refuses a binary and an extension longer than the message before it copies', () => {
    refuses(hex('c4 05 61'), /at byte 2: a binary of 5 bytes where only 1 are left/);
    refuses(hex('c7 05 42 61'), /at byte 3: an extension of 5 bytes where only 1 are left/);
    refuses(hex('d6 ff 00'), /at byte 2: an extension of 4 bytes where only 1 are left/);
  });

  it('refuses a length field that is cut off', () => {
    for (const bytes of [
      'd9',
      'da 00',
      'db 00 00 00',
      'c4',
      'c7',
      'dc 00',
      'df 00 00 00',
      'cf 00',
      'd3',
      'cb 00',
      'ca',
    ]) {
      refuses(hex(bytes), /cannot decode/);
    }
  });

  it('never takes bytes of what follows the message', () => {
    const decode = msgpack().createDecoder(DEFAULT_LIMITS);
    // Each is whole only with the 07 that follows.
    for (const bytes of ['cc', 'cd 01', 'a1', 'c4 01', '91', '81 a1 61', 'd4 00', 'c7 01 42', 'c7 02 73 91']) {
      const message = hex(bytes);
      const chunk = Buffer.concat([message, Buffer.alloc(16, 7)]);
      assert.throws(() => decode(chunk, 0, message.length), codecError(/cannot decode/), bytes);
    }
  });

  it('refuses a 32-bit binary, string or extension of four billion bytes', () => {
    refuses(hex('c6 ff ff ff ff'), /at byte 5: a binary of 4294967295 bytes where only 0/);
    refuses(hex('db ff ff ff ff'), /a string of 4294967295 bytes/);
    refuses(hex('c9 ff ff ff ff 01'), /an extension of 4294967295 bytes/);
  });

  it('tells the byte of an error from the start of its message', () => {
    const decode = msgpack().createDecoder(DEFAULT_LIMITS);
    assert.throws(() => decode(hex('00 00 00 92 01 c1'), 3, 6), codecError(/at byte 3: /));
  });

  it('is usable again after an error inside nested values', () => {
    const decode = msgpack().createDecoder(DEFAULT_LIMITS);
    const good = encoded({ a: [1, new Map([['k', new Set(['v'])]])] });
    for (const bad of ['81 a1 61 92 01', '92 c7 04 6d 92 a1 61 c1', '81 a1 61 c1', 'c7 05 6d 92 a1 61 91']) {
      assert.throws(() => decode(hex(bad), 0, hex(bad).length), codecError(/cannot decode/));
      assert.deepEqual(decode(good, 0, good.length), { a: [1, new Map([['k', new Set(['v'])]])] });
    }
  });
});

describe('bounded decoder: allocation and depth', () => {
  it('refuses an array of four billion, or of 33 million, before it allocates', () => {
    refuses(hex('dd ff ff ff ff'), /at byte 5: an array or map of 4294967295 where only 0 bytes are left/);
    refuses(hex('dd 01 ff ff ff'), /at byte 5: an array or map of 33554431/);
  });

  it('refuses nested array headers that multiply at the first one', () => {
    refuses(nested('dcffff', 8000, ''), /at byte 3: an array or map of 65535 where only 23997 bytes are left/);
  });

  it('refuses nested headers that each fit what is left but together do not', () => {
    // 30 bytes are left at the first header and 27 at the second: 20 + 20 elements are more than the message has bytes.
    refuses(hex(`dc 00 14 dc 00 14 ${'00'.repeat(27)}`), /at byte 6: .*more elements than the message has bytes/);
  });

  it('refuses an array of more elements than bytes are left, when the budget would allow it', () => {
    const bytes = Buffer.concat([hex('92 b4'), Buffer.alloc(20, 0x61), hex('dc 00 0a 00 00')]);
    refuses(bytes, /at byte 25: an array or map of 10 where only 2 bytes are left/);
  });

  it('refuses map headers of four billion, or nested ones of 65,535', () => {
    refuses(hex('df ff ff ff ff'), /at byte 5: an array or map of 4294967295/);
    refuses(nested('deffff', 100, ''), /at byte 3: an array or map of 65535/);
  });

  it('counts two elements for an entry of a map', () => {
    assert.throws(
      () => decoded(hex('82 a1 61 01 a1 62 02'), { messageElements: 3 }),
      codecError(/more than 3 elements \(limits\.messageElements\)/),
    );
    assert.deepEqual(decoded(hex('82 a1 61 01 a1 62 02'), { messageElements: 4 }), { a: 1, b: 2 });
  });

  it('counts the elements of the whole message, those inside extensions too', () => {
    const bytes = encoded([new Set(['a', 'b']), new Map([['k', 'v']]), ['x']]);
    assert.throws(() => decoded(bytes, { messageElements: 15 }), codecError(/more than 15 elements/));
    assert.doesNotThrow(() => decoded(bytes, { messageElements: 16 }));
  });

  it('counts a binary and an object of an extension as four elements more, a date and a large bigint as one', () => {
    for (const [value, elements] of [
      [[Buffer.alloc(0)], 5],
      [[new Int8Array(0), new ArrayBuffer(1)], 10],
      [[new Map(), new Set()], 10],
      [[new Error('x')], 7],
      [[new Date(0), 5n], 4],
      [[undefined, 'text', 1.5], 3],
    ] as const) {
      const bytes = encoded(value);
      assert.doesNotThrow(() => decoded(bytes, { messageElements: elements }), String(elements));
      assert.throws(() => decoded(bytes, { messageElements: elements - 1 }), codecError(/more than \d+ elements/));
    }
  });

  it('gives every message a budget of its own', () => {
    const decode = msgpack().createDecoder({ ...DEFAULT_LIMITS, messageElements: 3 });
    for (let i = 0; i < 5; i++) assert.deepEqual(decode(hex('93 01 02 03'), 0, 4), [1, 2, 3]);
    for (let i = 0; i < 5; i++) assert.equal(decode(hex('a2 61 61'), 0, 3), 'aa');
    assert.throws(() => decode(hex('94 01 02 03 04'), 0, 5), codecError(/more than 3 elements/));
  });

  it('takes alternating arrays and maps up to the depth limit and not one more', () => {
    assert.doesNotThrow(() => decoded(nested('9181a0', 31, '91c0')));
    assert.doesNotThrow(() => decoded(nested('9181a0', 32, 'c0')));
    refuses(nested('9181a0', 32, '91c0'), /nested deeper than 64/);
  });

  it('refuses a million nested arrays, a hundred thousand nested maps', () => {
    assert.doesNotThrow(() => decoded(nested('91', 33, 'c0')));
    refuses(nested('91', 1_000_000, 'c0'), /at byte 65: arrays and maps nested deeper than 64/);
    refuses(nested('81a161', 100_000, 'c0'), /nested deeper than 64/);
  });

  it('counts the depth through extensions', () => {
    let value: unknown = 'x';
    for (let i = 0; i < 64; i++) value = i % 2 === 0 ? new Set([value]) : [value];
    const bytes = encoded(value);
    assert.doesNotThrow(() => decoded(bytes));
    assert.throws(() => decoded(bytes, { messageDepth: 63 }), codecError(/nested deeper than 63/));
  });

  it('reads a million strings within the default limits', () => {
    const bytes = Buffer.concat([hex('dd 00 0f 42 40'), Buffer.alloc(1_000_000, 0xa0)]);
    assert.equal((decoded(bytes) as unknown[]).length, 1_000_000);
    const more = Buffer.concat([hex('dd 00 0f 42 41'), Buffer.alloc(1_000_001, 0xa0)]);
    refuses(more, /more than 1000000 elements/);
  });

  it('refuses more numbers as members of sets and keys of maps than can be made to collide', () => {
    const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
    const members = (count: number): Buffer =>
      Buffer.concat([hex('c9 00 00'), u16(count + 3), hex('73 dc'), u16(count), Buffer.alloc(count, 5)]);
    const tooMany = /too many numbers as keys of maps and sets \(at most 2,048 in one, or 1,024 bigints\)/;
    assert.deepEqual(decoded(members(2048)), new Set([5]));
    refuses(members(2049), tooMany);
    refuses(Buffer.concat([hex('92'), members(2048), members(128)]), tooMany);
    const bigints = (count: number): Buffer => encoded(numbers(count).map((i) => BigInt(i))).subarray(3);
    const set = (count: number): Buffer =>
      Buffer.concat([hex('c9 00 00'), u16(3 + bigints(count).length), hex('73 dc'), u16(count), bigints(count)]);
    assert.equal((decoded(set(1024)) as Set<bigint>).size, 1024);
    refuses(set(1025), tooMany);
    const decode = msgpack().createDecoder(DEFAULT_LIMITS);
    const [few, many] = [members(1), members(2049)];
    for (let i = 0; i < 3; i++) assert.deepEqual(decode(few, 0, few.length), new Set([5]));
    assert.throws(() => decode(many, 0, many.length), codecError(tooMany));
    // Many small ones are no work: nothing in them can collide with much.
    const small = Array.from(
      { length: 10_000 },
      (_, i) =>
        new Map([
          [i, 'a'],
          [i + 1, 'b'],
          [i + 2, 'c'],
        ]),
    );
    assert.deepEqual(decoded(encoded(small)), small);
  });

  it('keeps keys that are indices, in whatever order and beside whatever else they come', () => {
    const key = (text: string): Buffer => Buffer.concat([Buffer.of(0xa0 | text.length), Buffer.from(text)]);
    for (const keys of [
      ['0', '1', '2', '3'],
      ['1023'],
      ['3', '2', '1', '0'],
      ['name', '7', 'other', '4294967294', '4294967295', '007'],
      ['1000', '0', '1000', '999'],
    ]) {
      const bytes = Buffer.concat([
        Buffer.of(0x80 | keys.length),
        ...keys.flatMap((each, i) => [key(each), Buffer.of(i)]),
      ]);
      const expected = Object.fromEntries(keys.map((each, i) => [each, i]));
      assert.deepStrictEqual(decoded(bytes), expected);
      assert.deepEqual(Object.keys(decoded(bytes) as object), Object.keys(expected));
      const nested = Buffer.concat([Buffer.of(0x82), key('5'), bytes, key('4000'), bytes]);
      assert.deepStrictEqual(decoded(nested), { 5: expected, 4000: expected });
    }
  });

  it('reads 65,536 keys of one map, and keys of any length', () => {
    const keys = Array.from({ length: 65_536 }, (_, i) => String(i * 65_536));
    const bytes = encoded(Object.fromEntries(keys.map((key) => [key, 1])));
    assert.equal(Object.keys(decoded(bytes) as object).length, 65_536);
    const long = 'k'.repeat(1_048_576);
    assert.deepEqual(decoded(encoded({ [long]: 1 })), { [long]: 1 });
  });
});

describe('bounded decoder: errors', () => {
  const isMalformed = (bytes: Buffer, limits = {}): boolean => {
    try {
      decoded(bytes, limits);
    } catch (error) {
      return (error as CodecError).malformed;
    }
    throw new Error('it was taken');
  };

  it('tell bytes that are no MessagePack, which no honest peer sends', () => {
    for (const bytes of ['c1', '91 c1', '91', 'a5 61', 'c4 05 00', 'c7 09 05', 'dd ff ff ff ff', '01 01', 'cb 00', ''])
      assert.equal(isMalformed(hex(bytes)), true, bytes);
  });

  it('from values that are not taken here, which are the misfortune of one call', () => {
    for (const bytes of [
      '81 01 01',
      'a1 ff',
      'd4 05 00',
      'd4 74 63',
      'c7 05 ff 00 00 00 00 00',
      `${'91'.repeat(65)} 00`,
    ])
      assert.equal(isMalformed(hex(bytes)), false, bytes);
    assert.equal(isMalformed(hex('93 01 02 03'), { messageElements: 2 }), false);
    assert.equal(isMalformed(Buffer.concat([hex('81 a9'), Buffer.from('__proto__'), hex('01')])), false);
  });
});

describe('bounded decoder: text', () => {
  it('refuses malformed UTF-8 in values and in keys', () => {
    for (const text of ['a2 c3 28', 'a2 c0 80', 'a2 c0 af', 'a3 ed a0 80', 'a4 f4 90 80 80', 'a2 e2 82', 'a1 ff']) {
      refuses(hex(text), /at byte 1: a string that is not UTF-8/);
      refuses(hex(`81 ${text} c0`), /at byte 2: a string that is not UTF-8/);
      refuses(hex(`d9 28 ${'61'.repeat(39)} c3`), /a string that is not UTF-8/);
    }
  });

  it('gives the bytes of malformed UTF-8 where that is asked for, but has no such keys', () => {
    const keep = { malformedText: 'keep' } as const;
    const chunk = hex('93 a2 c3 28 a2 c3 a9 a0');
    const value = decoded(chunk, {}, keep) as unknown[];
    chunk.fill(0);
    assert.deepEqual(value, [Buffer.from([0xc3, 0x28]), '\u00e9', '']);
    assert.throws(() => decoded(hex('81 a1 ff c0'), {}, keep), /a key that is not a string/);
  });

  it('keeps U+FFFD that was sent', () => {
    assert.equal(decoded(hex('a3 ef bf bd')), '\uFFFD');
    assert.equal(decoded(encoded(`${'a'.repeat(40)}\uFFFD`)), `${'a'.repeat(40)}\uFFFD`);
  });

  it('keeps byte order marks, NUL, overrides, emoji and both normal forms as they are', () => {
    for (const text of ['\uFEFF', '\uFEFFabc', 'a\0b', '\u202Eabc', '🙂', 'é', 'e\u0301', '\uFEFF'.repeat(20)]) {
      assert.equal(decoded(encoded(text)), text);
      assert.deepEqual(decoded(encoded({ [text]: text })), { [text]: text });
    }
  });
});

describe('bounded decoder: keys', () => {
  it('takes the names of Object.prototype as own data', () => {
    for (const key of ['constructor', 'prototype', 'hasOwnProperty', 'toString', 'then', 'toJSON', 'length', '0', '']) {
      const value = decoded(encoded({ [key]: 'mine' })) as Record<string, unknown>;
      assert.deepEqual(Object.entries(value), [[key, 'mine']]);
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
    }
    assert.equal(({} as { mine?: unknown }).mine, undefined);
  });

  it('refuses the key __proto__, short of touching a prototype', () => {
    const bytes = hex(
      `81 a9 ${Buffer.from('__proto__').toString('hex')} 81 a5 ${Buffer.from('admin').toString('hex')} c3`,
    );
    refuses(bytes, /__proto__/);
    assert.equal(({} as { admin?: unknown }).admin, undefined);
  });

  it('lets the last of two equal keys win', () => {
    assert.deepEqual(decoded(hex('82 a1 61 01 a1 61 02')), { a: 2 });
  });

  it('refuses keys that are not strings', () => {
    const keys = [
      'c0',
      'c3',
      '01',
      'cb 3f f0 00 00 00 00 00 00',
      'cb 7f f8 00 00 00 00 00 00',
      'c4 01 61',
      '90',
      '91 01',
      '80',
    ];
    for (const key of [...keys, 'd3 00 00 00 00 00 00 00 01', 'd4 00 00'])
      refuses(hex(`81 ${key} 01`), /a key that is not a string/);
  });
});

describe('bounded decoder: numbers', () => {
  it('gives a bigint for 64-bit integers that a number cannot hold, never a rounded number', () => {
    assert.equal(decoded(hex('cf ff ff ff ff ff ff ff ff')), 18_446_744_073_709_551_615n);
    assert.equal(decoded(hex('d3 80 00 00 00 00 00 00 00')), -9_223_372_036_854_775_808n);
    assert.equal(decoded(hex('cf 00 20 00 00 00 00 00 01')), 9_007_199_254_740_993n);
    assert.equal(decoded(hex('cf 00 20 00 00 00 00 00 00')), 9_007_199_254_740_992n);
    assert.equal(decoded(hex('d3 ff e0 00 00 00 00 00 00')), -9_007_199_254_740_992n);
  });

  it('gives a number for 64-bit integers that a number can hold', () => {
    assert.equal(decoded(hex('cf 00 1f ff ff ff ff ff ff')), Number.MAX_SAFE_INTEGER);
    assert.equal(decoded(hex('d3 ff e0 00 00 00 00 00 01')), Number.MIN_SAFE_INTEGER);
    assert.equal(decoded(hex('d3 00 1f ff ff ff ff ff ff')), Number.MAX_SAFE_INTEGER);
  });

  it('takes integers in any of their forms', () => {
    for (const form of [
      '01',
      'cc 01',
      'cd 00 01',
      'ce 00 00 00 01',
      'd0 01',
      'd2 00 00 00 01',
      'd3 00 00 00 00 00 00 00 01',
    ]) {
      assert.equal(decoded(hex(form)), 1);
    }
  });

  it('reads what is not a finite number, minus zero, denormals and single floats', () => {
    assert.ok(Number.isNaN(decoded(hex('cb 7f f8 00 00 00 00 00 00'))));
    assert.equal(decoded(hex('cb ff f0 00 00 00 00 00 00')), -Infinity);
    assert.equal(decoded(hex('cb 80 00 00 00 00 00 00 00')), -0);
    assert.equal(decoded(hex('cb 00 00 00 00 00 00 00 01')), Number.MIN_VALUE);
    assert.equal(decoded(hex('ca 3d cc cc cd')), Math.fround(0.1));
  });
});

describe('bounded decoder: memory of values', () => {
  it('copies binaries, small and large, so that the chunk may be used again', () => {
    for (const size of [0, 1, 64, 65, 5000, 70_000]) {
      const decode = msgpack().createDecoder(DEFAULT_LIMITS);
      const chunk = encoded([Buffer.alloc(size, 9)]);
      const [value] = decode(chunk, 0, chunk.length) as [Buffer];
      chunk.fill(0);
      assert.deepEqual(value, Buffer.alloc(size, 9));
      assert.equal(value.buffer.byteLength, size, 'memory of its own');
    }
  });

  it('copies the body of typed arrays and unknown extensions', () => {
    const decode = msgpack({ unknownExtensions: 'keep' }).createDecoder(DEFAULT_LIMITS);
    const chunk = Buffer.concat([hex('92 d4 05 09'), encoded(new Uint16Array([1, 2]))]);
    const value = decode(chunk, 0, chunk.length) as [{ data: Uint8Array }, Uint16Array];
    chunk.fill(0);
    assert.deepEqual([...value[0].data], [9]);
    assert.deepEqual([...value[1]], [1, 2]);
  });

  it('reads messages of several chunks in turn', () => {
    const decode = msgpack().createDecoder(DEFAULT_LIMITS);
    const first = encoded(['first', 1.5]);
    const second = encoded(['second', 2.5]);
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(decode(first, 0, first.length), ['first', 1.5]);
      assert.deepEqual(decode(second, 0, second.length), ['second', 2.5]);
    }
  });
});

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
