import assert from 'node:assert/strict';
import { isRpcError } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import type { IncomingCall } from '@org/rpc-wire/internal';
import { Rate } from './rates.js';
import { WaitingRate } from './waiting-rate.js';

describe('a rate for which calls wait', () => {
  function scene(perSecond: number) {
    const clock = new FakeClock(1_000);
    const rate = new WaitingRate(new Rate('shop.buy', { perSecond, burst: 1 }, clock), clock);
    const begun: number[] = [];
    const call = (deadline: number) => {
      const verdict = rate.enter({ deadline } as IncomingCall);
      if (verdict === undefined) begun.push(clock.now());
      else if (!isRpcError(verdict)) void verdict.then(() => begun.push(clock.now()));
      return verdict;
    };
    return { clock, call, begun };
  }

  it('lets each begin when it is its turn, in order', async () => {
    const { clock, call, begun } = scene(10);
    for (let each = 0; each < 4; each++) call(Number.POSITIVE_INFINITY);
    await clock.advance(1_000);
    assert.deepEqual(begun, [1_000, 1_100, 1_200, 1_300]);
  });

  it('refuses at once whose turn comes too late for it, and takes no turn for it', async () => {
    const { clock, call, begun } = scene(10);
    call(5_000);
    const refusal = call(1_099);
    assert.ok(isRpcError(refusal));
    assert.deepEqual([refusal.code, refusal.retryAfterMs, refusal.progress], ['RESOURCE_EXHAUSTED', 100, 'refused']);
    call(1_100);
    await clock.advance(100);
    assert.deepEqual(begun, [1_000, 1_100]);
  });

  it('lets a thousand wait and no more', async () => {
    const { clock, call, begun } = scene(1_000);
    const verdicts = Array.from({ length: 1_101 }, () => call(Number.POSITIVE_INFINITY));
    assert.equal(verdicts.filter((verdict) => isRpcError(verdict)).length, 100);
    await clock.advance(2_000);
    assert.equal(begun.length, 1_001);
  });
});
