import assert from 'node:assert/strict';
import { codecError, decoded, encoded, hex } from '../../test/codec-helpers.js';
import { UnknownExtension } from './extensions.js';

const refuses = (bytes: string, message: RegExp): void =>
  assert.throws(() => decoded(hex(bytes)), codecError(message), bytes);

describe('extensions', () => {
  it('carry undefined in arrays and alone, in the bytes of msgpackr', () => {
    assert.deepEqual(encoded([undefined, 1]), hex('92 d4 00 00 01'));
    assert.deepEqual(decoded(hex('92 d4 00 00 01')), [undefined, 1]);
    assert.equal(decoded(encoded(undefined)), undefined);
  });

  it('carry the holes of a sparse array as undefined', () => {
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    assert.deepEqual(decoded(encoded([1, , 3])), [1, undefined, 3]);
  });

  it("carry a bigint as the shortest two's complement", () => {
    assert.deepEqual(encoded(0n), hex('d4 42 00'));
    assert.deepEqual(encoded(5n), hex('d4 42 05'));
    assert.deepEqual(encoded(-1n), hex('d4 42 ff'));
    assert.deepEqual(encoded(128n), hex('d5 42 00 80'));
    assert.deepEqual(encoded(-128n), hex('d4 42 80'));
    assert.deepEqual(encoded(2n ** 64n), hex('c7 09 42 01 00 00 00 00 00 00 00 00'));
  });

  it('carry a bigint of 64 bits that no number can hold as a plain integer', () => {
    assert.deepEqual(encoded(2n ** 64n - 1n), hex('cf ff ff ff ff ff ff ff ff'));
    assert.deepEqual(encoded(-(2n ** 63n)), hex('d3 80 00 00 00 00 00 00 00'));
  });

  it('give a bigint back as a bigint at every boundary', () => {
    for (let bits = 0n; bits <= 130n; bits++) {
      for (const value of [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n]) {
        assert.equal(decoded(encoded(value)), value);
        assert.equal(decoded(encoded(-value)), -value);
      }
    }
  });

  it('bound a bigint to 1,024 bytes', () => {
    const largest = 2n ** 8191n - 1n;
    assert.equal(decoded(encoded(largest)), largest);
    assert.equal(decoded(encoded(-largest - 1n)), -largest - 1n);
    assert.throws(() => encoded(largest + 1n), codecError(/^value at \$ is a bigint of more than 1024 bytes$/));
    assert.throws(() => encoded(-largest - 2n), codecError(/bigint of more than 1024 bytes/));
    refuses(`c8 04 01 42 ${'01'.repeat(1025)}`, /a bigint of 1025 bytes/);
    refuses('c7 00 42', /a bigint of 0 bytes/);
  });

  it('carry a Map as an array of keys and values', () => {
    const map = new Map<unknown, unknown>([
      ['a', 1],
      [2, [null]],
      [null, undefined],
    ]);
    assert.deepEqual(encoded(new Map([['a', 1]])), hex('c9 00 00 00 04 6d 92 a1 61 01'));
    assert.deepEqual(decoded(encoded(map)), map);
    assert.deepEqual(decoded(encoded(new Map())), new Map());
    refuses('c7 04 6d 93 01 02 03', /a key that has no value/);
  });

  it('carry a Set as an array', () => {
    assert.deepEqual(encoded(new Set([1, 'a'])), hex('c9 00 00 00 04 73 92 01 a1 61'));
    assert.deepEqual(
      decoded(encoded(new Set([1, new Map([['k', new Set()]])]))),
      new Set([1, new Map([['k', new Set()]])]),
    );
  });

  it('take any header form for the same content', () => {
    for (const header of ['d4 73', 'c7 01 73', 'c8 00 01 73', 'c9 00 00 00 01 73']) {
      assert.deepEqual(decoded(hex(`${header} 90`)), new Set());
    }
  });

  it('refuse a body that is not exactly one array', () => {
    for (const body of ['c7 00 73', 'd4 73 c0', 'd5 73 90 90', 'd5 6d 80 90', 'd4 65 a0', 'd5 73 91 91']) {
      refuses(body, /cannot decode/);
    }
  });

  it('carry the name and message of an error, never its stack, cause or fields', () => {
    const sent = Object.assign(new TypeError('bad', { cause: new Error('inner') }), { secret: 'x' });
    const bytes = encoded(sent);
    assert.deepEqual(
      bytes,
      Buffer.concat([hex('c9 00 00 00 0f 65 92 a9'), Buffer.from('TypeError'), hex('a3'), Buffer.from('bad')]),
    );
    const error = decoded(bytes) as Error;
    assert.ok(error instanceof Error);
    assert.equal(Object.getPrototypeOf(error), Error.prototype);
    assert.deepEqual(
      [error.name, error.message, error.stack, error.cause],
      ['TypeError', 'bad', 'TypeError: bad', undefined],
    );
    assert.deepEqual(Object.keys(error), []);
  });

  it('refuse an error that is not two strings', () => {
    for (const body of ['d4 65 90', 'd6 65 92 a1 61 01', 'c7 03 65 91 a1 61', 'c7 04 65 93 a0 a0 a0']) {
      refuses(body, /an error that is not \[name, message\]/);
    }
  });

  it('leave the stack trace limit of the process as it was', () => {
    const before = Error.stackTraceLimit;
    try {
      Error.stackTraceLimit = 7;
      decoded(encoded(new Error('x')));
      assert.equal(Error.stackTraceLimit, 7);
    } finally {
      Error.stackTraceLimit = before;
    }
  });

  it('carry typed arrays and ArrayBuffer with their element type', () => {
    assert.deepEqual(encoded(new Uint16Array([1, 0x0203])), hex('c9 00 00 00 05 74 04 01 00 03 02'));
    const values = [
      new Int8Array([-1, 2]),
      new Uint8ClampedArray([1, 255]),
      new Int16Array([-1, 300]),
      new Uint16Array([1, 65535]),
      new Int32Array([-1, 2 ** 30]),
      new Uint32Array([1, 2 ** 32 - 1]),
      new Float32Array([1.5, Number.NaN]),
      new Float64Array([0.1, -0]),
      new BigInt64Array([-1n, 2n]),
      new BigUint64Array([1n, 2n ** 64n - 1n]),
      Uint8Array.of(1, 2, 3).buffer,
      new Float64Array(new ArrayBuffer(32), 8, 2),
      new Int32Array(0),
      new ArrayBuffer(0),
    ];
    for (const value of values) assert.deepEqual(decoded(encoded(value)), value);
  });

  it('refuse a typed array that is cut off or of an unknown kind', () => {
    refuses('c7 02 74 04 01', /elements of Uint16Array of which the last is cut off/);
    refuses('d4 74 63', /a typed array of an unknown kind/);
    refuses('c7 00 74', /a typed array of an unknown kind/);
  });

  it('carry dates to the millisecond over their whole range', () => {
    for (const ms of [0, 1, -1, 1_514_862_245_678, 2 ** 34 * 1000, -8.64e15, 8.64e15, -62_167_219_200_000]) {
      assert.deepEqual(decoded(encoded(new Date(ms))), new Date(ms));
    }
  });

  it('cut parts of a millisecond off towards the past', () => {
    assert.deepEqual(decoded(hex('c7 0c ff 3b 9a c9 ff ff ff ff ff ff ff ff ff')), new Date(-1));
    assert.deepEqual(decoded(hex('d7 ff ee 6b 27 fc 00 00 00 00')), new Date(999));
  });

  it('refuse a timestamp of another length, with too many nanoseconds or beyond Date', () => {
    refuses('c7 05 ff 00 00 00 00 00', /a timestamp of 5 bytes/);
    refuses('c7 00 ff', /a timestamp of 0 bytes/);
    refuses('d7 ff ee 6b 28 00 00 00 00 00', /a timestamp of 1000000000 nanoseconds/);
    refuses('c7 0c ff 3b 9a c9 ff 7f ff ff ff ff ff ff ff', /outside the range of Date/);
  });

  it('of other types are refused by default', () => {
    for (const bytes of ['d4 05 00', 'c7 00 05', 'd4 80 00', 'd4 00 01', 'c7 00 00', 'c7 02 00 00 00'])
      refuses(bytes, /an extension of type/);
  });

  it('of other types are kept on request and go out as they came', () => {
    for (const bytes of ['d4 05 00', 'c7 00 05', 'd4 80 00', 'd4 00 01', 'c7 03 07 70 71 72']) {
      const value = decoded(hex(bytes), {}, { unknownExtensions: 'keep' });
      assert.ok(value instanceof UnknownExtension);
      assert.deepEqual(encoded(value), hex(bytes));
    }
  });

  it('have a type of one signed byte', () => {
    for (const type of [-129, 128, 1.5, Number.NaN])
      assert.throws(() => new UnknownExtension(type, Buffer.alloc(0)), TypeError);
  });
});
