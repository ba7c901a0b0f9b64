import assert from 'node:assert/strict';
import { differences } from './difference.js';

describe('differences', () => {
  it('are the paths at which two answers differ', () => {
    const a = { id: 1, items: [{ price: 1 }, { price: 2 }], at: new Date(0), bytes: Uint8Array.of(1), same: null };
    assert.deepEqual(differences(a, structuredClone(a)), []);
    assert.deepEqual(differences(a, { ...a, items: [{ price: 1 }, { price: 3 }] }), ['items.1.price']);
    assert.deepEqual(differences(a, { ...a, at: new Date(1), more: 1 }), ['at', 'more']);
    assert.deepEqual(differences(a, { ...a, bytes: Uint8Array.of(2) }), ['bytes']);
    assert.deepEqual(differences(new Map([['k', 1]]), new Map([['k', 2]])), ['k']);
  });

  it('are the whole where the values are of different kinds', () => {
    for (const [a, b] of [
      [1, 2],
      [[], {}],
      [null, {}],
      ['1', 1],
    ])
      assert.deepEqual(differences(a, b), ['']);
    assert.deepEqual(differences(Number.NaN, Number.NaN), []);
  });

  it('are ten at most, and end in the depth', () => {
    assert.equal(differences(Object.fromEntries([...Array(50).keys()].map((k) => [k, 1])), {}).length, 10);
    let [a, b]: [unknown, unknown] = [1, 2];
    for (let depth = 0; depth < 40; depth++) [a, b] = [[a], [b]];
    assert.equal(differences(a, b)[0]!.split('.').length, 16);
  });
});
