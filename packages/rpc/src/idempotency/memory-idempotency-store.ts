import { type Clock, RpcError, systemClock } from '@org/rpc-core';
import { assertNumber } from '@org/rpc-core/internal';
import type { IdempotencyStore } from './idempotency-store.js';

interface Entry {
  readonly bytes: Uint8Array;
  readonly endsAt: number;
}

/**
 * A store in this process, for tests and for services of one instance that may forget everything when it ends. With several instances it is wrong: a
 * retry goes to another one, which has another store.
 * @param maxEntries - the most keys (default 10,000); beyond it new ones are refused, since forgetting an old one would let it run twice
 */
export function memoryIdempotencyStore(maxEntries = 10_000, clock: Clock = systemClock): IdempotencyStore {
  assertNumber('memoryIdempotencyStore', 'maxEntries', maxEntries, { min: 1, max: 10_000_000, integer: true });
  const entries = new Map<string, Entry>();
  const current = (key: string): Uint8Array | undefined => {
    const entry = entries.get(key);
    if (entry !== undefined && entry.endsAt <= clock.now()) entries.delete(key);
    return entries.get(key)?.bytes;
  };
  const isThere = (key: string, claim: Uint8Array): boolean => {
    const bytes = current(key);
    return bytes !== undefined && Buffer.compare(bytes, claim) === 0;
  };
  const sweep = (): void => {
    for (const key of [...entries.keys()]) current(key);
  };
  return {
    async begin(key, claim, ttlMs) {
      const there = current(key);
      if (there !== undefined) return there;
      if (entries.size >= maxEntries) sweep();
      if (entries.size >= maxEntries)
        throw new RpcError('RESOURCE_EXHAUSTED', `${maxEntries} keys are kept (maxEntries)`);
      entries.set(key, { bytes: claim, endsAt: clock.now() + ttlMs });
      return undefined;
    },
    async finish(key, claim, outcome, ttlMs) {
      if (isThere(key, claim)) entries.set(key, { bytes: outcome, endsAt: clock.now() + ttlMs });
    },
    async release(key, claim) {
      if (isThere(key, claim)) entries.delete(key);
    },
  };
}
