import { DEFAULT_LIMITS } from '../../../packages/rpc-core/src/limits.js';
import { createScanner } from '../../../packages/wire/src/codec/scanner.js';
import { type Chance, EDGES } from '../chance.js';
import { METHODS } from './frames.js';
import { encode, randomMessagePack, randomValue } from './message-pack.js';

/** Messages of MessagePack-RPC as one side sends them, mostly valid. */
export function rpcMessages(chance: Chance, side: 'client' | 'server'): Buffer {
  return Buffer.concat(Array.from({ length: 1 + chance.size(30) }, () => message(chance, side)));
}

function message(chance: Chance, side: 'client' | 'server'): Buffer {
  if (chance.flip(0.02)) return randomMessagePack(chance);
  const id = chance.flip(0.05) ? chance.pick([...EDGES, -1, 2 ** 40, 'id', null]) : chance.between(0, 8);
  const name = chance.pick(METHODS);
  const method = chance.pick([
    name,
    `test.${name}`,
    `test.${name}`,
    Buffer.from(`test.${name}`),
    chance.flip(0.1) ? 7 : name,
  ]);
  const args = chance.flip(0.95)
    ? Array.from({ length: chance.size(4) }, () => randomValue(chance, 2))
    : randomValue(chance);
  const kind = chance.flip(0.1) ? chance.below(4) : side === 'client' ? chance.pick([0, 0, 0, 2]) : 1;
  if (kind === 0) return encode([0, id, method, args]);
  if (kind === 2) return encode([2, method, args]);
  if (kind === 3) return encode([chance.below(5), id, randomValue(chance, 2)]);
  const failure = chance.pick(['no', ['NOT_FOUND', 'no such user'], 0, false, { code: 5 }, randomValue(chance, 3)]);
  return chance.flip(0.7) ? encode([1, id, null, randomValue(chance, 1)]) : encode([1, id, failure, null]);
}

/** Where values begin, until something is no value. */
export function valueBoundaries(bytes: Buffer): number[] {
  const places: number[] = [];
  const scanner = createScanner(DEFAULT_LIMITS);
  try {
    for (let at = 0; at >= 0 && at < bytes.length; at = scanner.push(bytes, at, bytes.length)) places.push(at);
  } catch {
    // What follows is one part with the last.
  }
  return places;
}
