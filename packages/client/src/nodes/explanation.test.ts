import assert from 'node:assert/strict';
import type { Explanation } from '@org/rpc-core';
import { keepExplanation, unknownService } from './explanation.js';

describe('keepExplanation', () => {
  const nothing = unknownService('shop', 'order', 'p2c');

  it('keeps one of an attempt that waits and looks again, and one of what it took', () => {
    const kept: Explanation[] = [];
    for (let i = 0; i < 5; i++) keepExplanation(kept, nothing);
    keepExplanation(kept, { ...nothing, taken: 'h:1' });
    keepExplanation(kept, { ...nothing, attempt: 1 });
    assert.deepEqual(
      kept.map(({ attempt, taken }) => `${attempt} ${taken}`),
      ['0 undefined', '0 h:1', '1 undefined'],
    );
  });

  it('keeps those of the first attempts and of the last, 16 in all', () => {
    const kept: Explanation[] = [];
    for (let attempt = 0; attempt < 40; attempt++) keepExplanation(kept, { ...nothing, attempt });
    assert.deepEqual([kept.length, kept.at(-2)!.attempt, kept.at(-1)!.attempt], [16, 14, 39]);
  });
});
