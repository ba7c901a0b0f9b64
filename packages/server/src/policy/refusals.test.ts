import assert from 'node:assert/strict';
import { seededRandom } from '@org/rpc-testkit';
import { Refusals } from './refusals.js';

describe('refusals that are made beforehand', () => {
  it('say one thing with different times to come back, and are not made anew', () => {
    const refusals = new Refusals('RESOURCE_EXHAUSTED', 'too much', 100, seededRandom(1));
    const given = Array.from({ length: 64 }, () => refusals.next());
    assert.equal(new Set(given).size, 16);
    const times = given.map(({ retryAfterMs }) => retryAfterMs!);
    assert.ok(Math.min(...times) >= 50 && Math.max(...times) <= 150 && new Set(times).size > 8);
    assert.ok(given.every(({ code, progress }) => code === 'RESOURCE_EXHAUSTED' && progress === 'refused'));
  });

  it('say no time where there is none to say', () => {
    const refusals = new Refusals('DEADLINE_EXCEEDED', 'late', undefined, seededRandom(1));
    assert.equal(refusals.next(), refusals.next());
    assert.equal(refusals.next().retryAfterMs, undefined);
  });
});
