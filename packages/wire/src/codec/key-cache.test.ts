import assert from 'node:assert/strict';
import { KeyCache } from './key-cache.js';

describe('KeyCache', () => {
  const text = (cache: KeyCache, key: string): string | undefined => {
    const bytes = Buffer.from(`..${key}..`);
    return cache.get(bytes, 2, bytes.length - 2);
  };

  it('gives the key again from other bytes', () => {
    const cache = new KeyCache();
    for (const key of ['id', 'name', 'id', 'a'.repeat(32), 'name']) assert.equal(text(cache, key), key);
  });

  it('leaves empty, long and non-ASCII keys to the decoder', () => {
    const cache = new KeyCache();
    for (const key of ['', 'a'.repeat(33), 'naïve', 'ключ']) assert.equal(text(cache, key), undefined);
  });

  it('never mixes up keys that share a slot', () => {
    const cache = new KeyCache();
    // Far more keys than slots, so that every slot is shared; twice, so that each finds the slot of another.
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 5000; i++) assert.equal(text(cache, `key-${i}`), `key-${i}`);
    }
  });
});
