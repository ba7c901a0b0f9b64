import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { Freshness } from './freshness.js';

describe('Freshness', () => {
  function create() {
    const clock = new FakeClock();
    const times: number[] = [];
    const freshness = new Freshness(clock, 9_000, () => times.push(clock.now()));
    return { clock, times, freshness };
  }

  it('begins with the first read that succeeds', async () => {
    const { clock, times, freshness } = create();
    freshness.heard();
    freshness.failed();
    assert.equal(freshness.isFresh, false);
    freshness.succeeded();
    assert.equal(freshness.isFresh, true);
    freshness.close();
    assert.deepEqual([times, clock.pending], [[], 0]);
  });

  it('ends once, when two reads in a row have failed', () => {
    const { times, freshness } = create();
    freshness.succeeded();
    freshness.failed();
    freshness.succeeded();
    freshness.failed();
    assert.equal(freshness.isFresh, true);
    freshness.failed();
    freshness.failed();
    assert.equal(freshness.isFresh, false);
    assert.equal(times.length, 1);
    freshness.close();
  });

  it('ends when nothing was heard for as long as it may be silent, whatever is heard', async () => {
    const { clock, times, freshness } = create();
    freshness.succeeded();
    await clock.advance(5_000);
    freshness.heard();
    await clock.advance(8_999);
    assert.equal(freshness.isFresh, true);
    await clock.advance(1);
    assert.deepEqual(times, [14_000]);
    assert.equal(clock.pending, 0);
    freshness.succeeded();
    await clock.advance(9_000);
    assert.deepEqual(times, [14_000, 23_000]);
  });
});
