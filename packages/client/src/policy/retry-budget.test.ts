import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
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

  it('gives about one repeat a second to a client without calls', () => {
    const budget = new RetryBudget('test');
    assert.equal(take(budget, 0), 9);
    assert.equal(take(budget, 5_000), 0);
    assert.equal(take(budget, 10_000), 9);
  });

  it('forgets calls, and what they paid for, after the window', () => {
    const budget = new RetryBudget('test', { minPerSecond: 0 });
    enter(budget, 100, 0);
    assert.equal(take(budget, 10_000), 0);
  });

  it('has no room while a fifth of the calls in flight, and at least three, are repeats', () => {
    const budget = new RetryBudget('test');
    enter(budget, 100, 0);
    for (let i = 0; i < 19; i++) budget.began();
    assert.equal(budget.hasRoom(), true);
    budget.began();
    assert.equal(budget.hasRoom(), false);
    budget.ended();
    assert.equal(budget.hasRoom(), true);
    for (let i = 0; i < 100; i++) budget.settle();
    assert.equal(budget.hasRoom(), false);
    for (let i = 0; i < 17; i++) budget.ended();
    assert.equal(budget.hasRoom(), true);
  });

  it('refuses options out of bounds', () => {
    assert.throws(
      () => new RetryBudget('createClient', { percent: 101 }),
      /createClient: retry budget: percent must be/,
    );
  });
});
