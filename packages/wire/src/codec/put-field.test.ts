import assert from 'node:assert/strict';
import { putFieldOf } from './put-field.js';

describe('putFieldOf', () => {
  const hashes = Array.from({ length: 4_096 }, (_, i) => (Math.imul(i, 2_654_435_761) ^ (i << 3)) | 0);

  it('gives the same function for the same hash, and one of 128 for others', () => {
    for (const hash of hashes) assert.equal(putFieldOf(hash), putFieldOf(hash));
    assert.equal(new Set(hashes.map(putFieldOf)).size, 128);
  });

  it('puts the value under the key, whichever function it is', () => {
    const map: Record<string, unknown> = {};
    for (const hash of hashes) putFieldOf(hash)(map, `k${hash}`, hash);
    assert.deepEqual(Object.values(map), hashes);
    const name = { constructor: undefined } as Record<string, unknown>;
    putFieldOf(0)(name, 'constructor', 1);
    assert.ok(Object.hasOwn(name, 'constructor'));
  });
});
