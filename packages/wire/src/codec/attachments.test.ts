import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { Attachments } from './attachments.js';
import { allocateChunk, type CodecError, type EncodeTarget } from './codec.js';
import { foreignMsgpack } from './foreign-msgpack.js';
import { msgpack } from './msgpack.js';

const codec = msgpack();

/** Encodes with binaries of 1,000 bytes attached. Returns what was attached, and the parts put together. */
function encodedInParts(value: unknown, by = codec, fromBytes = 1_000) {
  const attachments = new Attachments();
  attachments.fromBytes = fromBytes;
  const target: EncodeTarget & { attachments: Attachments } = { chunk: allocateChunk(16), position: 3, attachments };
  by.encode(value, target);
  const attachedBytes = attachments.bytes;
  const parts = attachments.take(target.chunk.bytes, 3, target.position);
  return { attachedBytes, parts, whole: Buffer.concat(parts), chunk: target.chunk };
}

function encodedWhole(value: unknown, by = codec): Buffer {
  const target = { chunk: allocateChunk(16), position: 0 };
  by.encode(value, target);
  return target.chunk.bytes.subarray(0, target.position);
}

describe('large binaries of a value', () => {
  const a = Buffer.alloc(1_000, 'a');
  const b = new Uint8Array(70_000).fill(7);

  it('are attached where they are, and the bytes are those of a value that is copied', () => {
    for (const by of [codec, foreignMsgpack(), foreignMsgpack('raw')])
      for (const value of [a, [a, b], { x: 1, a, y: [b, 'text', a] }, [Buffer.alloc(999), a]]) {
        const { attachedBytes, parts, whole, chunk } = encodedInParts(value, by);
        assert.ok(whole.equals(encodedWhole(value, by)));
        const foreign = parts.filter(({ buffer }) => buffer !== chunk.bytes.buffer);
        assert.equal(
          foreign.reduce((sum, { length }) => sum + length, 0),
          attachedBytes,
        );
        assert.ok(foreign.every(({ buffer }) => buffer === a.buffer || buffer === b.buffer));
        assert.ok(attachedBytes >= 1_000);
      }
  });

  it('are attached as copies, of their size, where they may change', () => {
    const attachments = new Attachments();
    attachments.fromBytes = 1_000;
    const target = { chunk: allocateChunk(16), position: 0, attachments };
    const value = Buffer.alloc(1_000, 'v');
    codec.encode([value], target);
    const whole = encodedWhole([value]);
    attachments.own();
    value.fill(0);
    const parts = attachments.take(target.chunk.bytes, 0, target.position);
    assert.ok(Buffer.concat(parts).equals(whole));
    assert.equal(parts[1]!.buffer.byteLength, 1_000);
  });

  it('keep their place when properties before them are left out', () => {
    const sixteen = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`k${i}`, i]));
    const value = { ...sixteen, gone: undefined, a, b };
    const fewer = { ...Object.fromEntries(Object.entries(sixteen).slice(2)), a, gone: undefined, b };
    for (const each of [value, { ...fewer, also: undefined }, { outer: [fewer, a] }])
      assert.ok(encodedInParts(each).whole.equals(encodedWhole(each)));
  });

  it('are copied within a Map, a Set and the like, whose length is that of what stands there', () => {
    const value = [new Map([['a', a]]), new Set([b]), a];
    const { attachedBytes, whole } = encodedInParts(value);
    assert.equal(attachedBytes, 1_000);
    assert.ok(whole.equals(encodedWhole(value)));
  });

  it('are copied where their memory is shared or changes its size', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(2_000));
    const Resizable = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer;
    const resizable = new Uint8Array(new Resizable(2_000, { maxByteLength: 4_000 }));
    assert.equal(encodedInParts([shared, resizable]).attachedBytes, 0);
  });

  it('count for the largest value, and are forgotten when that is broken', () => {
    const attachments = new Attachments();
    attachments.fromBytes = 1_000;
    const target = { chunk: allocateChunk(16), position: 3, attachments };
    for (const value of [
      [a, b],
      [a, () => {}],
    ]) {
      const strict = msgpack({ maximumBytes: 50_000 });
      assert.throws(
        () => strict.encode(value, target),
        (error) => (error as CodecError).name === 'CodecError',
      );
      assert.deepEqual([target.position, attachments.bytes], [3, 0]);
    }
    const decode = codec.createDecoder(DEFAULT_LIMITS);
    codec.encode([1], target);
    assert.deepEqual(decode(target.chunk.bytes, 3, target.position), [1]);
  });
});
