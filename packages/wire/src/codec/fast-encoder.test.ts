import assert from 'node:assert/strict';
import { encode as stockEncode } from '@msgpack/msgpack';
import { codecError, decoded, encoded, hex } from '../../test/codec-helpers.js';
import { allocateChunk } from './codec.js';
import { msgpack } from './msgpack.js';

describe('fast encoder: strings', () => {
  it('writes every length around the header sizes as the library does', () => {
    const lengths = [0, 1, 10, 11, 15, 16, 30, 31, 32, 33, 84, 85, 86, 127, 128, 254, 255, 256, 257, 4095, 4096, 4097];
    for (const length of [...lengths, 21_845, 65_535, 65_536, 65_537, 200_000]) {
      for (const unit of ['a', 'é', '漢', '🙂'.repeat(1)]) {
        const text = unit.repeat(length / unit.length);
        assert.deepEqual(encoded(text), Buffer.from(stockEncode(text)), `${length} of ${unit}`);
      }
    }
  });

  it('writes text whose one wide character comes last', () => {
    for (const length of [1, 30, 31, 32, 254, 255, 4096, 65_535]) {
      const text = `${'a'.repeat(length - 1)}é`;
      assert.deepEqual(encoded(text), Buffer.from(stockEncode(text)));
    }
  });

  it('refuses half of a surrogate pair wherever it stands', () => {
    for (const text of ['\ud800', 'a\udc00', `${'a'.repeat(50)}\ud83d`, `\udc00${'é'.repeat(5000)}`]) {
      assert.throws(() => encoded([text]), codecError(/^value at \$\[0\] is a string with half of a surrogate pair/));
      assert.throws(() => encoded({ [text]: 1 }), codecError(/has a key with half of a surrogate pair/));
    }
  });
});

describe('fast encoder: numbers', () => {
  it('writes integers and floats in the shortest form, as the library does', () => {
    const edges = [
      0,
      1,
      31,
      32,
      33,
      127,
      128,
      129,
      255,
      256,
      32_767,
      32_768,
      65_535,
      65_536,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
    ];
    for (const edge of [
      ...edges,
      Number.MAX_SAFE_INTEGER,
      2 ** 53,
      0.5,
      1e300,
      Number.MIN_VALUE,
      Infinity,
      Number.NaN,
    ]) {
      assert.deepEqual(encoded(edge), Buffer.from(stockEncode(edge)), String(edge));
      if (edge !== 0) assert.deepEqual(encoded(-edge), Buffer.from(stockEncode(-edge)), String(-edge));
    }
  });

  it('keeps minus zero', () => {
    assert.deepEqual(encoded(-0), hex('cb 80 00 00 00 00 00 00 00'));
    assert.ok(Object.is(decoded(encoded(-0)), -0));
  });
});

describe('fast encoder: objects', () => {
  it('leaves out properties that are undefined', () => {
    assert.deepEqual(encoded({ a: undefined, b: 1, c: undefined }), hex('81 a1 62 01'));
    assert.deepEqual(encoded({ a: undefined }), hex('80'));
  });

  it('writes the shortest header when properties are left out of a large object', () => {
    for (const [total, kept] of [
      [20, 15],
      [20, 16],
      [70_000, 15],
      [70_000, 65_535],
      [70_000, 65_536],
    ] as const) {
      const entries = Array.from({ length: total }, (_, i) => [`k${i}`, i < kept ? i : undefined] as const);
      const value = Object.fromEntries(entries);
      assert.deepEqual(
        encoded(value),
        Buffer.from(stockEncode(value, { ignoreUndefined: true })),
        `${kept} of ${total}`,
      );
    }
  });

  it('reads every property once', () => {
    let reads = 0;
    const value = {
      get once() {
        return reads++ === 0 ? 'first' : undefined;
      },
    };
    assert.deepEqual(decoded(encoded(value)), { once: 'first' });
  });

  it('writes own enumerable string keys only', () => {
    const value = Object.create(null, {
      own: { value: 1, enumerable: true },
      hidden: { value: 2, enumerable: false },
      [Symbol('s')]: { value: 3, enumerable: true },
    }) as unknown;
    assert.deepEqual(decoded(encoded(value)), { own: 1 });
  });

  it('writes as many elements as the header says when a getter changes the array', () => {
    const values: unknown[] = [1, 2, 3];
    Object.defineProperty(values, 0, {
      get() {
        values.length = 1;
        return 'shrunk';
      },
      enumerable: true,
      configurable: true,
    });
    assert.deepEqual(decoded(encoded(values)), ['shrunk', undefined, undefined]);
  });

  it('takes proxies of plain objects, slices of buffers, shared memory and subclasses of the built-in ones', () => {
    assert.deepEqual(decoded(encoded(new Proxy({ a: 1 }, {}))), { a: 1 });
    assert.deepEqual(decoded(encoded(Buffer.from('abcdef').subarray(2, 4))), Buffer.from('cd'));
    assert.deepEqual(decoded(encoded(new Uint8Array(new SharedArrayBuffer(2)))), Buffer.alloc(2));
    class Ids extends Map<string, number> {}
    assert.deepEqual(decoded(encoded(new Ids([['a', 1]]))), new Map([['a', 1]]));
  });
});

describe('fast encoder: the target', () => {
  it('appends after what is there, value by value', () => {
    const codec = msgpack();
    const target = { chunk: allocateChunk(64), position: 2 };
    target.chunk.bytes.write('ab');
    codec.encode(1, target);
    codec.encode('x', target);
    assert.deepEqual(target.chunk.bytes.subarray(0, target.position), hex('61 62 01 a1 78'));
  });

  it('stays in the same chunk while there is room', () => {
    const codec = msgpack();
    const chunk = allocateChunk(64);
    const target = { chunk, position: 0 };
    for (let i = 0; i < 4; i++) codec.encode('0123456', target);
    assert.equal(target.chunk, chunk);
  });

  it('moves to a larger chunk with all that was written before', () => {
    for (const value of [
      'x'.repeat(100),
      Buffer.alloc(1000, 5),
      [1.5, 2.5, 'y'.repeat(20)],
      { deep: [['z'.repeat(5000)]] },
    ]) {
      const chunk = allocateChunk(8);
      const target = { chunk, position: 3 };
      chunk.bytes.write('abc');
      msgpack().encode(value, target);
      assert.notEqual(target.chunk, chunk);
      assert.equal(target.chunk.view.buffer, target.chunk.bytes.buffer);
      assert.equal(target.chunk.bytes.latin1Slice(0, 3), 'abc');
      assert.deepEqual(decoded(Buffer.from(target.chunk.bytes.subarray(3, target.position))), value);
    }
  });

  it('works in a chunk that is a slice of larger memory', () => {
    const memory = Buffer.alloc(100);
    const bytes = memory.subarray(10, 40);
    const target = { chunk: { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) }, position: 1 };
    msgpack().encode([1.5, 'é', 300], target);
    assert.deepEqual(decoded(Buffer.from(memory.subarray(11, 10 + target.position))), [1.5, 'é', 300]);
  });

  it('leaves position and chunk as they were when a value is refused', () => {
    const codec = msgpack();
    const chunk = allocateChunk(16);
    const target = { chunk, position: 2 };
    assert.throws(() => codec.encode(['x'.repeat(100), Symbol('s')], target), codecError(/symbol/));
    assert.equal(target.position, 2);
    assert.equal(target.chunk, chunk);
    codec.encode(1, target);
    assert.deepEqual(target.chunk.bytes.subarray(2, target.position), hex('01'));
  });

  it('refuses a value beyond maximumBytes before its memory is taken', () => {
    const codec = msgpack({ maximumBytes: 1000 });
    const large = /takes more than 1000 bytes; send it in parts, or raise maximumBytes/;
    for (const value of [
      Buffer.alloc(1000),
      'x'.repeat(5000),
      new Array(1e9),
      [Array.from({ length: 999 }, () => 1), 1],
    ]) {
      assert.throws(() => encoded(value, codec), codecError(large));
    }
    assert.throws(
      () => codec.encode(Buffer.alloc(1000), { chunk: allocateChunk(5000), position: 0 }),
      codecError(large),
    );
    assert.equal(encoded(Buffer.alloc(900), codec).length, 903);
    assert.throws(() => encoded(new Array(1e9)), codecError(/takes more than 67108864 bytes/));
  });

  it('refuses an array of more elements than bytes may be without reading one', () => {
    let reads = 0;
    const values: unknown[] = new Array(2000);
    Object.defineProperty(values, 0, { get: () => reads++, enumerable: true });
    assert.throws(() => encoded(values, msgpack({ maximumBytes: 1000 })), codecError(/takes more than 1000 bytes/));
    assert.equal(reads, 0);
  });

  it('counts the numbers of each value alone', () => {
    const codec = msgpack();
    const numbers = new Set(Array.from({ length: 2048 }, (_, i) => i));
    for (let i = 0; i < 3; i++) assert.doesNotThrow(() => encoded(numbers, codec));
  });

  it('refuses more numbers as members of sets and keys of maps than a decoder takes', () => {
    const numbers = Array.from({ length: 2048 }, (_, i) => i);
    assert.equal((decoded(encoded(new Set(numbers))) as Set<number>).size, 2048);
    assert.throws(
      () => encoded([new Set(numbers), new Set(numbers.slice(0, 64))]),
      codecError(/too many numbers .* as an array/),
    );
    assert.equal(
      (decoded(encoded(new Set(Array.from({ length: 9999 }, (_, i) => String(i))))) as Set<string>).size,
      9999,
    );
  });
});

describe('fast encoder: elements', () => {
  const few = msgpack({ maximumElements: 20 });
  const refuses = (value: unknown, path: string): void =>
    assert.throws(
      () => encoded(value, few),
      codecError(new RegExp(`^value at ${path} brings the value to more than 20 elements \\(maximumElements`)),
    );

  it('are counted as the decoder does: what goes out within a bound is taken within it', () => {
    for (const value of [
      [1, 'a', null, [2]],
      { a: 1, b: undefined, c: [Buffer.alloc(3)] },
      [new Date(0), 5n, 2n ** 63n, new Map([['k', new Set(['m'])]]), new Error('x'), new Float32Array(2), undefined],
      Object.create(null),
    ]) {
      const bytes = encoded(value);
      const least = [...Array(60).keys()].find((bound) => {
        try {
          decoded(bytes, { messageElements: bound + 1 });
          return true;
        } catch {
          return false;
        }
      })!;
      assert.deepEqual(encoded(value, msgpack({ maximumElements: least + 1 })), bytes);
      if (least > 0) assert.throws(() => encoded(value, msgpack({ maximumElements: least })), codecError(/elements/));
    }
  });

  it('beyond the bound are refused with the path, before anything is written', () => {
    refuses(Array(21).fill(0), '\\$');
    refuses({ a: [1, 2, 3], b: Array(16).fill(0) }, '\\$\\.b');
    refuses([Buffer.alloc(1), Buffer.alloc(1), { c: Buffer.alloc(1), d: Buffer.alloc(1) }, 1], '\\$\\[2\\]\\.d');
    const target = { chunk: allocateChunk(100), position: 7 };
    assert.throws(() => few.encode([1, Array(30).fill(0)], target), codecError(/\$\[1\] brings/));
    assert.equal(target.position, 7);
    assert.doesNotThrow(() => encoded(Array(20).fill(0), few));
  });

  it('are a million by default: a peer that would refuse them gets none', () => {
    assert.throws(
      () => encoded(Array(1_000_001).fill(0)),
      codecError(/^value at \$ brings .* more than 1000000 elements/),
    );
  });
});
