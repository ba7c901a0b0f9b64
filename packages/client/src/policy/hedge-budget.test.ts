import assert from 'node:assert/strict';
import { aCall } from '../../test/picker-scene.js';
import { type DarkView, foldPolicies } from './fold.js';
import { HedgeBudget, judgeHedge } from './hedge-budget.js';

/** Makes as many hedges as it may. @returns how many */
function takeAll(budget: HedgeBudget): number {
  let taken = 0;
  for (; budget.has; taken++) budget.take();
  return taken;
}

describe('the cap of hedges', () => {
  it('lets few calls be hedged too, and is no well for those that come together', () => {
    const budget = new HedgeBudget();
    assert.equal(takeAll(budget), 2);
    for (let i = 0; i < 100; i++) budget.earn(2, i);
    assert.equal(takeAll(budget), 2);
  });

  it('saves a part of the calls of the last seconds and forgets it when they stop', () => {
    const budget = new HedgeBudget();
    for (let i = 0; i < 10_000; i++) budget.earn(2, i);
    assert.equal(takeAll(budget), 30);
    for (let i = 0; i < 10_000; i++) budget.earn(2, i);
    budget.earn(2, 60_000);
    assert.equal(takeAll(budget), 2);
  });
});

describe('a dark rule for hedges', () => {
  const view = (options: object): DarkView => ({
    isStream: false,
    hasOwnTimeout: false,
    inForce: foldPolicies(
      { service: 's', method: 'm', isStream: false, sources: [{ options, isOwn: true }] },
      undefined,
    ),
  });

  it('tells which calls would have been sent again, and which would not', () => {
    const call = aCall();
    call.endedAt = 20;
    const off = view({});
    assert.match(judgeHedge(call, off, { delayMs: 10 })!, /sent to another node after 10 ms/);
    assert.equal(judgeHedge(call, off, { delayMs: 20 }), undefined);
    assert.equal(judgeHedge(call, off, { percentile: 99 }), undefined);
    assert.equal(judgeHedge(call, view({ hedge: {} }), { max: 0 }), undefined);
    call.rivals = [];
    assert.match(judgeHedge(call, view({ hedge: {} }), { max: 0 })!, /would not have been hedged/);
  });
});
