import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { encoded } from '../../test/codec-helpers.js';
import { msgpack } from './msgpack.js';

const decode = msgpack().createDecoder(DEFAULT_LIMITS);

/** The encoded value in memory of its own, so that what is at `align` from its end on begins at a multiple of eight. */
function inMemory(value: unknown, contentBytes: number): Buffer {
  const bytes = encoded(value);
  const padding = (8 - ((bytes.length - contentBytes) % 8)) % 8;
  const memory = Buffer.allocUnsafeSlow(padding + bytes.length);
  bytes.copy(memory, padding);
  return memory.subarray(padding);
}

describe('a large binary of a message whose memory may be kept', () => {
  const large = Buffer.alloc(100_000, 'abcdefg');

  it('is a view of it', () => {
    const bytes = inMemory(large, large.length);
    const value = decode(bytes, 0, bytes.length, true) as Buffer;
    assert.equal(value.buffer, bytes.buffer);
    assert.ok(value.equals(large));
    assert.ok(Buffer.isBuffer(value));
    assert.equal(new Float64Array(value.buffer, value.byteOffset, 1).length, 1);
  });

  it('keeps no more than 1.25 times its own memory', () => {
    for (const [rest, isView] of [
      [24_000, true],
      [26_000, false],
    ] as const) {
      const bytes = inMemory(['x'.repeat(rest), large], large.length);
      const [, value] = decode(bytes, 0, bytes.length, true) as [string, Buffer];
      assert.equal(value.buffer === bytes.buffer, isView);
      assert.ok(value.buffer.byteLength <= 1.25 * value.length);
      assert.ok(value.equals(large));
    }
  });

  it('has memory of its own, exactly as large, where the message may not be kept, or a typed array could not lie', () => {
    const bytes = inMemory(large, large.length);
    const askew = Buffer.alloc(bytes.length + 1);
    bytes.copy(askew, 1);
    for (const value of [decode(bytes, 0, bytes.length), decode(askew, 1, askew.length, true)] as Buffer[]) {
      assert.equal(value.buffer.byteLength, large.length);
      assert.ok(value.equals(large));
    }
  });
});

describe('small binaries of a message', () => {
  const many = Array.from({ length: 200 }, (_, i) => Buffer.alloc(1 + i, i));

  it('share memory with each other, no more than their chunk has, in which nobody else has anything', () => {
    const bytes = encoded(many);
    const values = decode(bytes, 0, bytes.length) as Buffer[];
    assert.deepEqual(values, many);
    const memories = new Set<ArrayBufferLike>(values.map(({ buffer }) => buffer));
    const taken = [...memories].reduce((sum, { byteLength }) => sum + byteLength, 0);
    assert.ok(memories.size <= 4 && taken <= 2 * bytes.length, `${memories.size} pieces of memory, ${taken} bytes`);
    assert.ok(values.every(({ byteOffset }) => byteOffset % 8 === 0));
    const next = encoded(many);
    for (const value of decode(next, 0, next.length) as Buffer[]) assert.ok(!memories.has(value.buffer));
  });

  it('do not change each other', () => {
    const bytes = encoded(many);
    const values = decode(bytes, 0, bytes.length) as Buffer[];
    for (const value of values) value.fill(0xff);
    assert.deepEqual(
      values.map((value) => value.length),
      many.map((value) => value.length),
    );
    assert.deepEqual(decode(bytes, 0, bytes.length), many);
  });

  it('show nothing in what is left of their memory', () => {
    const bytes = Buffer.concat([encoded(Buffer.from('abc')), Buffer.alloc(5_000, 'z')]);
    const { buffer, byteOffset } = decode(bytes, 0, 5) as Buffer;
    assert.equal(byteOffset, 0);
    assert.ok(
      Buffer.from(buffer)
        .subarray(3)
        .every((byte) => byte === 0),
    );
  });
});
