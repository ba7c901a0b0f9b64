import assert from 'node:assert/strict';
import { simulateCalls } from '@org/rpc-testkit';
import { p2c } from '../../src/picker/p2c.js';
import { RetryBudget } from '../../src/policy/retry-budget.js';
import { broken, Rig, type Script, SEEDS } from './rig.js';

const failing: Script = () => ({ afterMs: 5, error: broken() });

/** Attempts for each call while every attempt fails. */
async function amplification(
  seed: number,
  perSecond: number,
  durationMs: number,
  budget?: RetryBudget,
): Promise<number> {
  const rig = new Rig({
    seed,
    picker: p2c(),
    nodes: [failing, failing, failing],
    retries: 3,
    timeoutMs: 10_000,
    budget,
  });
  const { clock, random } = rig;
  const result = await simulateCalls({ clock, random, perSecond, durationMs, call: () => rig.call(), drain: 'all' });
  assert.equal(result.failures, result.calls);
  return rig.attempts / result.calls;
}

describe('the retry budget when everything fails, with three retries', function () {
  this.timeout(120_000);

  const bounds = [
    { perSecond: 1_000, durationMs: 10_000, bound: 1.21 },
    { perSecond: 100, durationMs: 60_000, bound: 1.21 },
    { perSecond: 10, durationMs: 60_000, bound: 1.31 },
    { perSecond: 1, durationMs: 300_000, bound: 1.35 },
    { perSecond: 0.2, durationMs: 1_500_000, bound: 1.6 },
  ];
  for (const { perSecond, durationMs, bound } of bounds) {
    it(`keeps the load below ${bound} x the calls at ${perSecond} calls/s`, async () => {
      for (const seed of SEEDS) {
        const factor = await amplification(seed, perSecond, durationMs);
        assert.ok(factor <= bound, `seed ${seed}: ${factor}`);
        assert.ok(factor > 1.1, `seed ${seed}: ${factor}, the budget must allow its share`);
      }
    });
  }

  it('where one repeat a second in any case makes 2 x and more of few calls', async () => {
    // As it was: whatever the calls, nine repeats in ten seconds are free.
    const budget = new RetryBudget('test');
    const taken: number[] = [];
    const { withdraw } = budget;
    budget.withdraw = (now) => {
      while (taken.length > 0 && taken[0]! <= now - 10_000) taken.shift();
      if (withdraw.call(budget, now)) return true;
      return taken.length < 9 && taken.push(now) > 0;
    };
    const factor = await amplification(1, 0.2, 600_000, budget);
    assert.ok(factor > 2, `${factor}`);
  });

  it('where retries without a budget make 4 x', async () => {
    const budget = new RetryBudget('test', { percent: 100, minPerSecond: 1_000 });
    budget.withdraw = () => true;
    const factor = await amplification(1, 100, 10_000, budget);
    assert.ok(factor > 3.99, `${factor}`);
  });
});
