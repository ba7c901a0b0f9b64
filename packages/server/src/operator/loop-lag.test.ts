import assert from 'node:assert/strict';
import { systemClock } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import { LoopLag, loopDelays } from './loop-lag.js';

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

  it('sees what has begun and ended between two ticks', () => {
    const delays = {
      max: 0,
      enable: () => true,
      disable: () => true,
      reset: () => {
        delays.max = 0;
      },
    };
    const lag = new LoopLag(delays);
    lag.begin(500);
    delays.max = 720e6;
    lag.tick(1_500, 1_000);
    assert.deepEqual([lag.lastMs, lag.worstMs(1_500)], [700, 700]);
    delays.max = 21e6;
    lag.tick(2_510, 1_000);
    assert.deepEqual([lag.lastMs, lag.worstMs(2_510)], [10, 700]);
    lag.tick(3_510, 1_000);
    assert.equal(lag.lastMs, 0);
  });

  it('measures the loop of the process, and no other clock', () => {
    const delays = loopDelays(systemClock)!;
    new LoopLag(delays).begin(0);
    assert.equal(delays.enable(), false, 'it is on');
    delays.disable();
    assert.equal(loopDelays(new FakeClock()), undefined);
  });
});
