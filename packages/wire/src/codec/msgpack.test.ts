import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { codecError, decoded, encoded, hex } from '../../test/codec-helpers.js';
import { allocateChunk, type EncodeTarget } from './codec.js';
import { msgpack } from './msgpack.js';

const written = (target: EncodeTarget): Buffer => Buffer.from(target.chunk.bytes.subarray(0, target.position));

describe('msgpack()', () => {
  it('is named msgpack, whatever its options', () => {
    assert.equal(msgpack().name, 'msgpack');
    assert.equal(msgpack({ unknownExtensions: 'keep' }).name, 'msgpack');
  });

  it('refuses senseless options at once', () => {
    for (const maximumBytes of [0, -1, 1.5, 2 ** 31, Number.NaN]) {
      assert.throws(
        () => msgpack({ maximumBytes }),
        /TypeError: maximumBytes of msgpack\(\) must be an integer from 1/,
      );
    }
    assert.throws(() => msgpack({ maxBytes: 1 } as object), /TypeError: msgpack\(\) has no option maxBytes; it has/);
    assert.throws(
      () => msgpack({ unknownExtensions: 'drop' as 'keep' }),
      /TypeError: unknownExtensions of msgpack\(\)/,
    );
    assert.throws(() => msgpack({ malformedText: true as never }), /TypeError: malformedText of msgpack\(\) must be/);
  });

  it('gives back all kinds of values as they were', () => {
    const value = {
      nothing: null,
      yes: true,
      numbers: [0, -1, 1.5, -0, Number.NaN, Infinity, 2 ** 53, Number.MAX_SAFE_INTEGER],
      bigints: [0n, 1n, -1n, 2n ** 53n, 2n ** 63n, 2n ** 200n],
      text: ['', 'short', 'é'.repeat(100), '🙂'],
      bytes: Buffer.from([1, 2, 3]),
      at: new Date(1_767_225_600_123),
      map: new Map<unknown, unknown>([
        ['k', { a: [undefined] }],
        [1, new Set([1n])],
      ]),
      typed: new Float32Array([1, 2]),
    };
    assert.deepEqual(decoded(encoded(value)), value);
  });

  it('lets a getter encode another value to another target', () => {
    const codec = msgpack();
    const inner: EncodeTarget[] = [];
    const value = {
      before: 'b'.repeat(40),
      get sends() {
        const target = { chunk: allocateChunk(4), position: 0 };
        codec.encode(
          {
            nested: 'x'.repeat(100),
            get more() {
              return encoded([1], codec).length;
            },
          },
          target,
        );
        inner.push(target);
        return 'done';
      },
      after: [1, 2],
    };
    const bytes = encoded(value, codec);
    assert.deepEqual(decoded(bytes), { before: 'b'.repeat(40), sends: 'done', after: [1, 2] });
    assert.deepEqual(decoded(written(inner[0]!)), { nested: 'x'.repeat(100), more: 2 });
  });

  it('refuses a getter that encodes to the target being written, two levels deep too', () => {
    const codec = msgpack();
    const target = { chunk: allocateChunk(64), position: 0 };
    const direct = {
      a: 1,
      get again() {
        codec.encode('x', target);
        return 1;
      },
    };
    assert.throws(() => codec.encode(direct, target), codecError(/^value at \$\.again could not be read/));
    assert.equal(target.position, 0);
    const other = { chunk: allocateChunk(64), position: 0 };
    let inner: unknown;
    const deep = {
      get one() {
        try {
          codec.encode(
            {
              get two() {
                codec.encode(1, other);
                return 1;
              },
            },
            other,
          );
        } catch (error) {
          inner = error;
        }
        return 1;
      },
    };
    codec.encode(deep, target);
    assert.ok(codecError(/value at \$\.two could not be read: a value is being encoded to this target already/)(inner));
    assert.deepEqual(decoded(written(target)), { one: 1 });
    assert.equal(other.position, 0);
  });

  it('names the path when a getter fails to encode another value', () => {
    const codec = msgpack();
    const value = {
      get outer() {
        return encoded(() => 1, codec);
      },
    };
    assert.throws(
      () => encoded(value, codec),
      codecError(/^value at \$\.outer could not be read: value at \$ is a function/),
    );
  });

  it('serves several targets and decoders in turn', () => {
    const codec = msgpack();
    const targets = Array.from({ length: 3 }, () => ({ chunk: allocateChunk(4), position: 0 }));
    for (let i = 0; i < 20; i++) for (const target of targets) codec.encode(i, target);
    for (const target of targets)
      assert.deepEqual(written(target), Buffer.from(Array.from({ length: 20 }, (_, i) => i)));
    const decoders = targets.map(() => codec.createDecoder(DEFAULT_LIMITS));
    for (const decode of decoders)
      assert.deepEqual(decode(hex('81 a1 61 cb 3f f8 00 00 00 00 00 00'), 0, 12), { a: 1.5 });
  });

  it('does not call then of a decoded value', async () => {
    const value = decoded(encoded({ then: 'data' }));
    assert.deepEqual(await Promise.resolve(value), { then: 'data' });
  });
});
