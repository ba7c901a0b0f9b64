import assert from 'node:assert/strict';
import type { Limits } from '@org/rpc-core';
import { BoundedDecoder } from '../src/codec/bounded-decoder.js';
import { KeyCache } from '../src/codec/key-cache.js';
import { LearnedShapes } from '../src/codec/learned-shapes.js';
import { NOT_PLAIN, PlainReader } from '../src/codec/plain-reader.js';

/** What a reader remembers of messages before. */
export interface Remembered {
  readonly keys: KeyCache;
  readonly shapes: LearnedShapes;
}

/** Remembers nothing yet, and learns each shape from the first map that has it. */
export function quickLearner(): Remembered {
  return { keys: new KeyCache(), shapes: new LearnedShapes(1) };
}

/**
 * Reads a message in both ways, and sees that the plain one gives nothing that the decoder would refuse or read otherwise, and counts
 * as many elements.
 * @returns whether it was plain
 */
export function readsAlike(bytes: Buffer, limits: Limits, remembered = quickLearner()): boolean {
  // In the middle of a chunk whose other bytes are all numbers: what is read beyond the end does not fail by itself.
  const chunk = Buffer.concat([Buffer.of(1, 2, 3), bytes, Buffer.alloc(16, 7)]);
  const [start, end] = [3, 3 + bytes.length];
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const { messageElements: elementsMax, messageDepth: depthMax } = limits;
  const plain = new PlainReader({ ...remembered, elementsMax, depthMax });
  const value = plain.read(chunk, view, start, end);
  if (value === NOT_PLAIN) return false;
  const settings = { limits, keepUnknown: false, keepMalformed: false, isForeign: false, keys: new KeyCache() };
  // With a purse of its own it is one of those that read the bodies of extensions, which never read plainly.
  const purse = { places: 0, elements: 0, numericKeyWork: 0 };
  const decoder = new BoundedDecoder({ ...settings, views: { bytes: undefined, view } as never }, purse);
  const expected = decoder.decodeMessage(chunk, start, end);
  assert.deepStrictEqual(value, expected);
  // Also the order of keys, which deepStrictEqual does not see.
  assert.equal(JSON.stringify(value), JSON.stringify(expected));
  assert.equal(plain.elements, elementsMax - purse.elements);
  return true;
}
