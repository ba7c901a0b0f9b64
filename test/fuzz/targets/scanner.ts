import assert from 'node:assert/strict';
import type { Limits } from '../../../packages/rpc-core/src/limits.js';
import { CodecError } from '../../../packages/wire/src/codec/codec.js';
import { createScanner } from '../../../packages/wire/src/codec/scanner.js';
import { Chance } from '../chance.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { encode, randomMessagePack, randomValue } from '../grammar/message-pack.js';
import { valueBoundaries } from '../grammar/rpc-messages.js';
import { chunks } from '../split.js';
import { limitsOf } from './decoder.js';

/** The scanner: the same ends and the same error however its input is cut. */
export const scanner: FuzzTarget = {
  name: 'scanner',
  generate: (chance) =>
    Buffer.concat(
      Array.from({ length: 1 + chance.size(5) }, () =>
        chance.flip(0.7) ? encode(randomValue(chance)) : randomMessagePack(chance),
      ),
    ),
  boundaries: valueBoundaries,
  run(plan, bytes, held) {
    const chance = new Chance(plan);
    const limits = { ...limitsOf(plan), messageBytes: chance.flip(0.7) ? 4_194_304 : 16 + chance.size(2_000) };
    const whole = scan([bytes], limits);
    held();
    assert.deepStrictEqual(scan(chunks(bytes, chance), limits), whole, 'another result when it is cut');
    if (bytes.length < 2_000) {
      const singles = [...bytes].map((byte) => Buffer.of(byte));
      assert.deepStrictEqual(scan(singles, limits), whole, 'another result byte by byte');
    }
  },
};

function scan(parts: readonly Buffer[], limits: Limits): unknown[] {
  const found: unknown[] = [];
  const one = createScanner(limits);
  let before = 0;
  try {
    for (const part of parts) {
      for (let at = 0; ; ) {
        const end = one.push(part, at, part.length);
        if (end < 0) break;
        assert.ok(end > at || (end === at && at === 0), 'it does not get on');
        found.push(before + end);
        at = end;
      }
      before += part.length;
    }
  } catch (error) {
    assert.ok(error instanceof CodecError, `not a CodecError: ${String(error)}`);
    found.push(error.message);
  }
  return [...found, one.pendingBytes];
}
