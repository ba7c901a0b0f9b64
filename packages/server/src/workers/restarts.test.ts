import assert from 'node:assert/strict';
import { Restarts } from './restarts.js';

describe('the restarts of a worker', () => {
  it('come later with each crash in a row, half a minute apart at the most, and soon again once it was well', () => {
    const restarts = new Restarts(() => 0.5);
    const waits = Array.from({ length: 11 }, () => restarts.next(1_000));
    assert.deepEqual(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
    assert.equal(restarts.crashes, 11);
    assert.deepEqual([restarts.next(60_000), restarts.crashes], [100, 1]);
  });

  it('are a half more or less, so that workers that crash together do not come back together', () => {
    assert.equal(new Restarts(() => 0).next(0), 50);
    assert.ok(new Restarts(() => 0.999).next(0) > 149);
  });
});
