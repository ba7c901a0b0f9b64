import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import { aCall } from '../../test/picker-scene.js';
import { RetryBudget } from './retry-budget.js';

function enter(budget: RetryBudget, count: number, at: number): void {
  for (let i = 0; i < count; i++) {
    const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
    call.createdAt = at;
    budget.enter(call);
  }
}

/** How many repeats it gives out at that time. */
function take(budget: RetryBudget, now: number): number {
  let taken = 0;
  while (budget.withdraw(now)) taken++;
  return taken;
}

describe('RetryBudget', () => {
  it('gives one repeat for five calls', () => {
    const budget = new RetryBudget('test', { minPerSecond: 0 });
    enter(budget, 100, 0);
    assert.equal(take(budget, 500), 20);
  });

  it('has some to begin with, and gives one each twenty seconds to a client that makes few calls', () => {
    const budget = new RetryBudget('test');
    assert.equal(take(budget, 0), 9);
    assert.equal(take(budget, 10_000), 0);
    assert.equal(take(budget, 40_000), 2);
    assert.equal(take(budget, 4_000_000), 9);
  });

  it('gives few calls more than their share, at most one a second', () => {
    for (const [calls, repeats] of [
      [2, 0],
      [10, 2],
      [100, 27],
      [1_000, 209],
    ] as const) {
      const budget = new RetryBudget('test');
      take(budget, 0);
      enter(budget, calls, 15_000);
      assert.equal(take(budget, 15_000), repeats, `${calls} calls`);
    }
  });

  it('forgets calls, and what they paid for, after the window', () => {
    const budget = new RetryBudget('test', { minPerSecond: 0 });
    enter(budget, 100, 0);
    assert.equal(take(budget, 10_000), 0);
  });

  it('has no room while a fifth of the calls in flight, and at least three, are repeats', async () => {
    const budget = new RetryBudget('test');
    const clock = new FakeClock();
    const begun: number[] = [];
    const begin = (name: number): void => {
      const room = budget.begin(clock, aCall());
      if (room === undefined) begun.push(name);
      else (room as Promise<void>).then(() => begun.push(name));
    };
    enter(budget, 100, 0);
    for (let i = 0; i < 22; i++) begin(i);
    assert.equal(begun.length, 20);
    // Who waits is woken by those that end, in the order in which they came.
    budget.ended();
    budget.ended();
    await clock.advance(0);
    assert.deepEqual(begun.slice(20), [20, 21]);
    for (let i = 0; i < 100; i++) budget.settle();
    begin(22);
    for (let i = 0; i < 17; i++) budget.ended();
    await clock.advance(0);
    assert.equal(begun.length, 22);
    budget.ended();
    await clock.advance(0);
    assert.equal(begun.length, 23);
  });

  it('lets a call wait for room no longer than its deadline, and so many calls only', async () => {
    const budget = new RetryBudget('test');
    const clock = new FakeClock();
    for (let i = 0; i < 3; i++) assert.equal(budget.begin(clock, aCall()), undefined);
    const call = aCall();
    call.deadline = 50;
    const late = assert.rejects(budget.begin(clock, call) as Promise<void>, { code: 'DEADLINE_EXCEEDED' });
    await clock.advance(50);
    await late;
    for (let i = 0; i < 4_096; i++) assert.ok(budget.begin(clock, aCall()) instanceof Promise);
    assert.equal(budget.begin(clock, aCall()), false);
  });

  it('refuses options out of bounds', () => {
    assert.throws(
      () => new RetryBudget('createClient', { percent: 101 }),
      /createClient: retry budget: percent must be/,
    );
  });
});
