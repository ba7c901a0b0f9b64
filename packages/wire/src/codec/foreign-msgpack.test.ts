import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { hex } from '../../test/codec-helpers.js';
import { allocateChunk, CodecError } from './codec.js';
import { UnknownExtension } from './extensions.js';
import { float } from './float.js';
import { foreignMsgpack, type TextFormat } from './foreign-msgpack.js';
import { msgpack } from './msgpack.js';

function decode(text: string): unknown {
  const bytes = hex(text);
  return foreignMsgpack().createDecoder(DEFAULT_LIMITS)(bytes, 0, bytes.length);
}

function written(value: unknown, format?: TextFormat, codec = foreignMsgpack(format)): string {
  const target = { chunk: allocateChunk(16), position: 0 };
  codec.encode(value, target);
  return target.chunk.bytes.toString('hex', 0, target.position);
}

describe('maps of other languages', () => {
  const ext = new UnknownExtension(5, Buffer.of(9));
  for (const [name, bytes, entries] of [
    [
      'whole numbers',
      '82 01 a161 ff a162',
      [
        [1, 'a'],
        [-1, 'b'],
      ],
    ],
    ['large integers', '81 cf ffffffffffffffff 01', [[0xffff_ffff_ffff_ffffn, 1]]],
    ['floats', '81 cb 3ff8000000000000 01', [[1.5, 1]]],
    ['nil', '81 c0 01', [[null, 1]]],
    [
      'booleans',
      '82 c2 01 c3 02',
      [
        [false, 1],
        [true, 2],
      ],
    ],
    ['binaries', '81 c40161 01', [[Buffer.from('a'), 1]]],
    ['texts that are not UTF-8', '81 a1ff 01', [[Buffer.of(0xff), 1]]],
    ['arrays', '81 920102 01', [[[1, 2], 1]]],
    ['empty arrays', '81 90 01', [[[], 1]]],
    ['maps', '81 81a16101 01', [[{ a: 1 }, 1]]],
    ['maps with keys of any kind', '81 8101a161 01', [[new Map([[1, 'a']]), 1]]],
    ['extensions', '81 d40509 01', [[ext, 1]]],
    [
      'texts and others, in their order',
      '83 a16101 02a162 a16303',
      [
        ['a', 1],
        [2, 'b'],
        ['c', 3],
      ],
    ],
    [
      'indices as texts, before and behind a number',
      '83 a43130323301 02a162 a43130323402',
      [
        ['1023', 1],
        [2, 'b'],
        ['1024', 2],
      ],
    ],
  ] as const) {
    it(`come as Map when they have such keys: ${name}`, () => {
      assert.deepStrictEqual(decode(bytes), new Map(entries as unknown as [unknown, unknown][]));
    });
  }

  it('come as plain objects when all keys are texts, beside and inside of such as come as Map', () => {
    assert.deepStrictEqual(decode('93 81a16101 8101 82 03 c0 a17881a17900 81a16102'), [
      { a: 1 },
      new Map<unknown, unknown>([
        [
          1,
          new Map<unknown, unknown>([
            [3, null],
            ['x', { y: 0 }],
          ]),
        ],
      ]),
      { a: 2 },
    ]);
  });

  it('take the last value of a number that comes twice', () => {
    assert.deepStrictEqual(decode('82 01 02 01 03'), new Map([[1, 3]]));
  });

  it('never have the key __proto__, with other keys or without', () => {
    for (const bytes of ['82 01 02 a95f5f70726f746f5f5f 01', '82 a95f5f70726f746f5f5f 01 01 02'])
      assert.throws(() => decode(bytes), CodecError);
  });

  it('are bounded: so many numbers that collide would take seconds', () => {
    const body = Array.from(
      { length: 4096 },
      (_, i) => `ce${(i * 0x10_0000).toString(16).padStart(8, '0').slice(-8)}01`,
    );
    assert.throws(() => decode(`de1000${body.join('')}`), /too many numbers as keys/);
  });

  it('leave nothing behind for the next message when they are cut off', () => {
    const decoder = foreignMsgpack().createDecoder(DEFAULT_LIMITS);
    const [cut, sound] = [hex('82 01 02 03'), hex('81 a161 01')];
    assert.throws(() => decoder(cut, 0, cut.length), CodecError);
    assert.deepStrictEqual(decoder(sound, 0, sound.length), { a: 1 });
  });

  it('are refused on the native protocol, as they were', () => {
    const bytes = hex('81 01 02');
    const decoder = msgpack({ unknownExtensions: 'keep' }).createDecoder(DEFAULT_LIMITS);
    assert.throws(() => decoder(bytes, 0, bytes.length), /a key that is not a string/);
  });
});

describe('extensions of others', () => {
  for (const type of [0, 66, 101, 109, 115, 116, 5, -2]) {
    it(`come and go as they are, also when the type is one of ours: ${type}`, () => {
      const bytes = `d4${(type & 0xff).toString(16).padStart(2, '0')}90`;
      const value = decode(bytes);
      assert.deepStrictEqual(value, new UnknownExtension(type, Buffer.of(0x90)));
      assert.equal(written(value), bytes);
    });
  }

  it('but the timestamp are none of ours', () => {
    assert.deepStrictEqual(decode('d6ff00000001'), new Date(1000));
    assert.equal(written(new Date(1000)), 'd6ff00000001');
  });
});

describe('what is written for programs of other languages', () => {
  const long = 'x'.repeat(40);
  const longHex = Buffer.from(long).toString('hex');
  for (const [name, value, bytes] of [
    ['undefined', undefined, 'c0'],
    ['undefined in an array', [undefined, 1], '92c001'],
    ['a hole', new Array(1).concat(1), '92c001'],
    ['undefined as a property', { a: undefined, b: 1 }, '81a16201'],
    ['undefined in a Map', new Map([[undefined, undefined]]), '81c0c0'],
    [
      'a Map',
      new Map<unknown, unknown>([
        [1, 'a'],
        ['b', [2]],
      ]),
      '8201a161a1629102',
    ],
    ['an empty Map', new Map(), '80'],
    ['a Set', new Set([1, undefined]), '9201c0'],
    ['a small bigint', 7n, '07'],
    ['a negative bigint', -(2n ** 63n), 'd38000000000000000'],
    ['a bigint of 64 bits', 2n ** 64n - 1n, 'cfffffffffffffffff'],
    ['a larger bigint', 2n ** 64n, 'b43138343436373434303733373039353531363136'],
    ['an Error', new RangeError('no'), '82a46e616d65aa52616e67654572726f72a76d657373616765a26e6f'],
    ['integers of an array', new Int16Array([1, -1]), '9201ff'],
    ['floats of an array', new Float64Array([1]), '91cb3ff0000000000000'],
    ['bigints of an array', new BigInt64Array([1n]), '9101'],
    ['clamped bytes', new Uint8ClampedArray([1]), 'c40101'],
    ['an ArrayBuffer', Uint8Array.of(1, 2).buffer, 'c4020102'],
    ['a whole number as a float', float(2), 'cb4000000000000000'],
    ['long text', long, `d928${longHex}`],
  ] as const) {
    it(`is what every peer reads: ${name}`, () => {
      assert.equal(written(value), bytes);
    });
  }

  for (const [name, value, bytes] of [
    ['short text', 'a', 'a161'],
    ['long text', long, `da0028${longHex}`],
    ['text that needs a longer header than its characters', 'ä'.repeat(20), `da0028${'c3a4'.repeat(20)}`],
    ['bytes', Buffer.of(1, 2), 'a20102'],
    ['many bytes', Buffer.alloc(40, 1), `da0028${'01'.repeat(40)}`],
    ['an ArrayBuffer', Uint8Array.of(1).buffer, 'a101'],
    ['a Date', new Date(0), `b8${Buffer.from('1970-01-01T00:00:00.000Z').toString('hex')}`],
  ] as const) {
    it(`is of the old format when told so: ${name}`, () => {
      assert.equal(written(value, 'raw'), bytes);
    });
  }

  it('is refused with its path where there is no word for it', () => {
    assert.throws(() => written([{ a: new UnknownExtension(5, Buffer.of(1)) }], 'raw'), /\$\[0\]\.a is an extension/);
    assert.throws(() => written([new Date(Number.NaN)], 'raw'), /\$\[0\] is an invalid Date/);
    for (const format of ['utf8', 'raw'] as const) {
      assert.throws(() => written([1n << 9000n], format), /\$\[0\] is a bigint of more than 1024 bytes/);
      assert.throws(() => written(new Map([[() => {}, 1]]), format), /\$<key 0> is a function/);
    }
  });

  it('is bounded like all else: depth and elements of maps with keys of any kind', () => {
    let deep = new Map();
    for (let i = 0; i < 70; i++) deep = new Map([[1, deep]]);
    assert.throws(() => written(deep), /nested deeper than 64/);
  });
});

describe('float()', () => {
  it('writes a float on the native protocol too, where it arrives as a number', () => {
    assert.equal(written([float(2)], undefined, msgpack()), '91cb4000000000000000');
  });

  it('takes numbers only', () => {
    assert.throws(() => float('2' as unknown as number), TypeError);
  });
});
