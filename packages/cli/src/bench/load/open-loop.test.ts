import assert from 'node:assert/strict';
import type { Clock } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import { measure, near, OPEN, ScriptedTarget } from '../../../test/scripted-target.js';
import type { Load } from './load.js';

describe('open loop', () => {
  it('shows a stall of one second in the percentiles of the response time', async () => {
    const clock = new FakeClock();
    // Whatever comes between the fifth and the sixth second is answered when the stall ends.
    const target = new ScriptedTarget(clock, (now) => ({ afterMs: now >= 5000 && now < 6000 ? 6000 - now + 1 : 1 }));
    const { responseTime, ok, dropped } = await measure(clock, target, { load: OPEN });
    assert.equal(ok, 999);
    assert.equal(dropped, 0);
    near(responseTime?.p50Ms, 1);
    near(responseTime?.p95Ms, 500, 0.03);
    near(responseTime?.p99Ms, 900, 0.03);
    near(responseTime?.maxMs, 1001);
  });

  it('counts from the due time when the generator itself stands still', async () => {
    const clock = new FakeClock();
    let stoppedMs = 0;
    // A clock that jumps by a second at one moment: what a long garbage collection looks like from inside.
    const jumping: Clock = {
      now: () => clock.now() + stoppedMs,
      wallNow: () => clock.wallNow(),
      schedule: (delayMs, run) => clock.schedule(delayMs, run),
      afterPoll: (run) => clock.afterPoll(run),
    };
    const target = new ScriptedTarget(jumping, () => ({ afterMs: 1 }));
    clock.schedule(5005, () => {
      stoppedMs = 1000;
    });
    const { responseTime, serviceTime, lateStart, ok } = await measure(clock, target, { clock: jumping, load: OPEN });
    assert.equal(ok, 999);
    near(responseTime?.p95Ms, 500, 0.05);
    near(serviceTime?.maxMs, 1);
    near(lateStart?.maxMs, 1000, 0.02);
  });

  it('emits every due call of a tick with its own due time', async () => {
    const clock = new FakeClock();
    // Timers of ten milliseconds: at 1000 calls a second each tick has ten of them to send.
    const coarse: Clock = {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      schedule: (delayMs, run) => clock.schedule(Math.ceil((clock.now() + delayMs) / 10) * 10 - clock.now(), run),
      afterPoll: (run) => clock.afterPoll(run),
    };
    const target = new ScriptedTarget(clock, () => ({ afterMs: 1 }));
    const load: Load = { kind: 'open', ratePerSecond: 1000, arrivals: 'uniform', maxInFlight: 1000 };
    const { ok, lateStart } = await measure(clock, target, { clock: coarse, load, span: { durationMs: 1000 } });
    assert.equal(ok, 999);
    near(lateStart?.maxMs, 9, 0.01);
    near(lateStart?.p50Ms, 4, 0.26);
  });

  it('drops and counts what comes due with too many calls in flight', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, () => ({ afterMs: 1000 }));
    const { ok, dropped } = await measure(clock, target, {
      load: { ...OPEN, maxInFlight: 10 },
      span: { durationMs: 2000 },
    });
    assert.equal(target.inFlightMax, 10);
    assert.equal(ok + dropped, 199);
    assert.equal(ok, 20);
  });

  it('spaces calls by exponential gaps whose mean is the asked rate', async () => {
    const clock = new FakeClock();
    const target = new ScriptedTarget(clock, () => ({ afterMs: 1 }));
    const load: Load = { ...OPEN, ratePerSecond: 500, arrivals: 'poisson' };
    await measure(clock, target, { load, span: { durationMs: 20_000 } });
    near(target.calls, 10_000, 0.03);
    const gaps = target.sentAt.slice(1).map((at, index) => at - target.sentAt[index]!);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    // The standard deviation of an exponential distribution is its mean; of equal gaps it is 0.
    near(deviation, mean, 0.05);
  });
});
