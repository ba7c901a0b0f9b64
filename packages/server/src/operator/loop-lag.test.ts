import assert from 'node:assert/strict';
import { LoopLag } from './loop-lag.js';

describe('the lag of an event loop', () => {
  it('is that of the last turn, and the worst of a minute', () => {
    const lag = new LoopLag();
    assert.deepEqual([lag.lastMs, lag.worstMs(0)], [0, 0]);
    lag.record(441, 1_000);
    lag.record(3, 2_000);
    lag.record(-1, 3_000);
    assert.deepEqual([lag.lastMs, lag.worstMs(3_000)], [0, 441]);
    lag.record(20, 3_500);
    assert.deepEqual([lag.worstMs(60_500), lag.worstMs(61_500), lag.worstMs(64_500)], [441, 20, 0]);
  });

  it('takes the place of what is a minute old', () => {
    const lag = new LoopLag();
    lag.record(441, 1_000);
    lag.record(5, 61_000);
    assert.equal(lag.worstMs(61_000), 5);
  });
});
