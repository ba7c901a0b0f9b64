import assert from 'node:assert/strict';
import { DEFAULT_LIMITS, type Limits } from '../../../packages/rpc-core/src/limits.js';
import { CodecError } from '../../../packages/wire/src/codec/codec.js';
import { createScanner } from '../../../packages/wire/src/codec/scanner.js';
import { quickLearner, readsAlike } from '../../../packages/wire/test/plain-twin.js';
import { Chance } from '../chance.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { CODEC, encode, randomMessagePack, randomValue } from '../grammar/message-pack.js';
import { valueBoundaries } from '../grammar/rpc-messages.js';

/** Beyond this the comparison of values costs more than it finds. */
const COMPARED_BYTES_MAX = 2048;

/** Of all inputs before, most of which are like each other. */
const REMEMBERED = quickLearner();

/** The decoder, with extensions kept: typed errors only, no bytes that the scanner takes for another value or that are read plainly otherwise, and what it accepts survives a round trip. */
export const decoder: FuzzTarget = {
  name: 'decoder',
  generate: (chance) => (chance.flip(0.5) ? encode(randomValue(chance)) : randomMessagePack(chance)),
  boundaries: valueBoundaries,
  run(plan, bytes, held) {
    const limits = limitsOf(plan);
    const accepted = scannerAccepts(bytes, limits);
    // Twice: the second time its maps are known, and so are parts of those of inputs like it.
    readsAlike(bytes, limits, REMEMBERED);
    readsAlike(bytes, limits, REMEMBERED);
    let value: unknown;
    try {
      // In the middle of a chunk whose other bytes are all numbers: what is read beyond the end does not fail by itself.
      const chunk = Buffer.concat([Buffer.of(1, 2, 3), bytes, Buffer.alloc(16, 7)]);
      value = CODEC.createDecoder(limits)(chunk, 3, 3 + bytes.length);
    } catch (error) {
      assert.ok(error instanceof CodecError, `not a CodecError: ${String(error)}`);
      // The scanner finds ends, and leaves all else to the decoder.
      if (accepted)
        assert.ok(!error.malformed, `the scanner finds a value where the decoder finds none: ${error.message}`);
      return;
    }
    held();
    assert.ok(accepted, 'the decoder accepts what the scanner refuses');
    if (bytes.length > COMPARED_BYTES_MAX) return;
    const again = encode(value);
    const came = CODEC.createDecoder(DEFAULT_LIMITS)(again, 0, again.length);
    assert.deepStrictEqual(came, withoutUndefinedProperties(value), 'it does not come back');
  },
};

/** Bounds that a plan stands for: usual ones, or tight ones that small inputs reach. */
export function limitsOf(plan: number): Limits {
  const chance = new Chance(plan);
  if (chance.flip(0.6)) return DEFAULT_LIMITS;
  return { ...DEFAULT_LIMITS, messageDepth: 1 + chance.below(8), messageElements: 1 + chance.below(40) };
}

/** What the codec carries of a value: properties that are `undefined`, which other peers may send, are left out. */
function withoutUndefinedProperties(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefinedProperties);
  if (value instanceof Set) return new Set([...value].map(withoutUndefinedProperties));
  if (value instanceof Map)
    return new Map(
      [...value].map(([key, each]) => [withoutUndefinedProperties(key), withoutUndefinedProperties(each)]),
    );
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const defined = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(defined.map(([key, each]) => [key, withoutUndefinedProperties(each)]));
}

function scannerAccepts(bytes: Buffer, limits: Limits): boolean {
  try {
    return createScanner(limits).push(bytes, 0, bytes.length) === bytes.length && bytes.length > 0;
  } catch (error) {
    assert.ok(error instanceof CodecError, `not a CodecError: ${String(error)}`);
    return false;
  }
}
