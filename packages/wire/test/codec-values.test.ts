import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import { CODECS } from './codec-conformance.js';
import { codecError } from './codec-helpers.js';

class Point {
  x = 1;
}

for (const codec of CODECS) {
  const { decode, encode } = codec;
  const comesBack = (value: unknown): void => assert.deepEqual(decode(encode(value)), value);
  const refuses = (value: unknown, message: RegExp): void => assert.throws(() => encode(value), codecError(message));

  describe(`values, by ${codec.name}`, () => {
    it('come back as they were: dates, bigints, maps, sets, errors, typed arrays, undefined in an array', () => {
      comesBack([new Date(1), 1n, 2n ** 64n, new Map([[{ a: 1 }, 'x']]), new Set(['a', 1]), undefined, null]);
      comesBack([new Float64Array([0.1]), new Uint8ClampedArray([1]), new BigInt64Array([-1n]), new ArrayBuffer(3)]);
      comesBack({ a: { b: [true, false, -1, 1.5, 'é'] }, bytes: Buffer.from([1, 2]) });
      assert.deepEqual(decode(encode(Object.assign(Object.create(null) as object, { a: 1 }))), { a: 1 });
      const error = decode(encode(new RangeError('too far'))) as Error;
      assert.deepEqual([error instanceof Error, error.name, error.message], [true, 'RangeError', 'too far']);
    });

    it('of another realm come back too', () => {
      const foreign = runInNewContext('({ list: [1], map: new Map([[1, 2]]), at: new Date(5) })') as unknown;
      assert.deepEqual(decode(encode(foreign)), { list: [1], map: new Map([[1, 2]]), at: new Date(5) });
    });

    it('that are undefined in an object are left out, holes of an array become undefined', () => {
      assert.deepEqual(decode(encode({ a: undefined, b: 1 })), { b: 1 });
      // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
      assert.deepEqual(decode(encode([1, , 3])), [1, undefined, 3]);
    });

    it('that cannot be said are refused with their path: functions, symbols, classes, weak and shared things', () => {
      refuses({ a: [() => 1] }, /^value at \$\.a\[0\] is a function/);
      refuses([{ 'b c': Symbol('s') }], /^value at \$\[0\]\["b c"\] is a symbol/);
      refuses({ p: new Point() }, /^value at \$\.p is an instance of Point/);
      refuses([new WeakMap()], /^value at \$\[0\] is an instance of WeakMap/);
      refuses([Promise.resolve()], /^value at \$\[0\] is an instance of Promise/);
      refuses([/x/], /^value at \$\[0\] is an instance of RegExp/);
      refuses({ view: new DataView(new ArrayBuffer(1)) }, /^value at \$\.view is an instance of DataView/);
      refuses({ shared: new SharedArrayBuffer(8) }, /^value at \$\.shared is an instance of SharedArrayBuffer/);
      refuses([new Date(Number.NaN)], /^value at \$\[0\] is an invalid Date/);
      refuses(new Map([['k', () => 1]]), /^value at \$<value 0> is a function/);
      refuses(new Set([() => 1]), /^value at \$<member 0> is a function/);
      refuses({ big: 2n ** 9000n }, /^value at \$\.big is a bigint of more than 1024 bytes/);
    });

    it('that are `arguments` are refused: they look like a plain object, and a list is meant', () => {
      function given(..._: unknown[]): unknown {
        // biome-ignore lint/complexity/noArguments: they are what is tested
        return arguments;
      }
      for (const value of [given(), given(1, 2)])
        refuses({ a: [value] }, /^value at \$\.a\[0\] is `arguments`, which is no array; send \[\.\.\.arguments\]$/);
      comesBack({ 0: 'a', 1: 'b' });
      comesBack({});
    });

    it('of subclasses of built-in classes come back as what these are, and without what was added to them', () => {
      class List extends Array<number> {}
      class Table extends Map<string, number> {}
      class Members extends Set<number> {}
      class Moment extends Date {}
      class Bytes extends Uint8Array {}
      const added = { added: true };
      const values = [
        Object.assign(List.from([1, 2]), added),
        Object.assign(new Table([['a', 1]]), added),
        Object.assign(new Members([1]), added),
        Object.assign(new Moment(5), added),
        new Bytes(2),
        'abc'.match(/b/),
        { [Symbol('s')]: 1, a: 1 },
        Object.defineProperty({ a: 1 }, 'hidden', { value: 1 }),
      ];
      const expected = [
        [1, 2],
        new Map([['a', 1]]),
        new Set([1]),
        new Date(5),
        Buffer.alloc(2),
        ['b'],
        { a: 1 },
        { a: 1 },
      ];
      assert.deepEqual(decode(encode(values)), expected);
    });

    it('with half of a surrogate pair are refused, as text and as key', () => {
      refuses({ a: 'x\ud800' }, /^value at \$\.a is a string with half of a surrogate pair/);
      refuses({ '\udc00': 1 }, /has a key with half of a surrogate pair/);
    });

    it('with the key __proto__ of their own are refused', () => {
      refuses(JSON.parse('{"a":{"__proto__":{"x":1}}}'), /^value at \$\.a\.__proto__ has the key __proto__/);
    });

    it('that hold themselves are refused, the same object twice is not', () => {
      const cycle: Record<string, unknown> = { list: [] };
      (cycle['list'] as unknown[]).push(cycle);
      refuses(cycle, /^value at \$\.list\[0\] refers back to \$/);
      const twice = { a: 1 };
      comesBack([twice, twice]);
    });

    it('deeper than 64 levels are refused, 64 are not', () => {
      const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
      comesBack(nested(64));
      refuses(nested(65), /is nested deeper than 64 levels/);
    });

    it('that would be too large are refused at once', () => {
      refuses(new Array(1e9), /value takes more than 67108864 bytes/);
      refuses(['x'.repeat(70 * 1024 * 1024)], /value takes more than 67108864 bytes/);
    });

    it('whose getter or proxy throws are refused with the path and what was thrown', () => {
      const value = {
        a: {
          get b(): never {
            throw new Error('no b today');
          },
        },
      };
      refuses(value, /^value at \$\.a\.b could not be read: no b today$/);
      const proxy = new Proxy(
        {},
        {
          ownKeys() {
            throw new Error('no keys');
          },
        },
      );
      refuses([proxy], /^value at \$\[0\] could not be read: no keys$/);
    });

    it('read through getters and proxies come as plain data', () => {
      const value = {
        get a() {
          return 1;
        },
      };
      assert.deepEqual(decode(encode([value, new Proxy({ b: 2 }, {})])), [{ a: 1 }, { b: 2 }]);
    });

    it('are not asked for toJSON, and their then is not called', async () => {
      assert.deepEqual(decode(encode({ then: 'data', a: 1 })), { then: 'data', a: 1 });
      assert.deepEqual(await Promise.resolve(decode(encode({ then: 'data' }))), { then: 'data' });
      refuses({ toJSON: () => 'x' }, /^value at \$\.toJSON is a function/);
    });

    it('that were refused leave the target as it was', () => {
      const subject = codec.create();
      const target = { chunk: { bytes: Buffer.alloc(64), view: new DataView(new ArrayBuffer(64)) }, position: 7 };
      assert.throws(() => subject.encode([1, 2, () => 1], target), codecError(/is a function/));
      assert.equal(target.position, 7);
    });
  });
}
