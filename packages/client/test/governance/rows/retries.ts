import { Call, type Service } from '@org/rpc-core';
import { fuseGates, rpcError } from '@org/rpc-core/internal';
import { FakeClock, seededRandom, simulateCalls } from '@org/rpc-testkit';
import { retry } from '../../../src/attempts/retry.js';
import { p2c } from '../../../src/picker/p2c.js';
import { RetryBudget } from '../../../src/policy/retry-budget.js';
import { broken, METHOD, Rig, type Script } from '../rig.js';
import type { Row } from '../row.js';

const failing: Script = () => ({ afterMs: 5, error: broken() });

/** Attempts for each call while every attempt fails. */
async function attempts(seed: number, perSecond: number, durationMs: number, budget?: RetryBudget): Promise<number> {
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
  if (result.failures !== result.calls) throw new Error('a call has succeeded');
  return rig.attempts / result.calls;
}

/** Three services in a row, the last of which always fails. @returns attempts at the last one for each call at the first */
async function inARow(seed: number, stopBelow: boolean, durationMs = 5_000, isBounded = true): Promise<number> {
  const clock = new FakeClock(1_000);
  const random = seededRandom(seed);
  let attempts = 0;
  const leaf: Service = () => {
    attempts++;
    return Promise.reject(rpcError('UNAVAILABLE', 'down', { progress: 'maybe-processed' }));
  };
  /** A client with retries in front of a service that does one call for each that it gets. */
  const tier = (next: Service): Service => {
    const budget = new RetryBudget('test');
    if (!isBounded) budget.withdraw = () => true;
    const gate = fuseGates([budget]);
    const serve = retry({ max: 3, budget, clock, random })((attempt) =>
      next(attempt).catch((error: ReturnType<typeof rpcError>) => {
        throw rpcError('UNAVAILABLE', error.reason, { progress: 'maybe-processed' });
      }),
    );
    return (from) => {
      const call = new Call(METHOD, [], false);
      call.createdAt = clock.now();
      call.deadline = call.createdAt + 10_000;
      call.idempotent = true;
      // What `startCall` does with the flag of the call that is being served.
      call.mayRepeat = from.mayRepeatBelow;
      call.mayRepeatBelow = from.mayRepeatBelow && !stopBelow;
      gate.enter(call);
      call.callGate = gate;
      return serve(call);
    };
  };
  const first = tier(tier(tier(leaf)));
  const user = new Call(METHOD, [], false);
  const call = (): Promise<unknown> => first(user);
  const { calls } = await simulateCalls({ clock, random, perSecond: 1_000, durationMs, call, drain: 'all' });
  return attempts / calls;
}

/** A budget that has no end. */
function boundless(): RetryBudget {
  const budget = new RetryBudget('test', { percent: 100, minPerSecond: 1_000 });
  budget.withdraw = () => true;
  return budget;
}

/** As it was: whatever the calls, nine repeats in ten seconds are free. */
function withFloor(): RetryBudget {
  const budget = new RetryBudget('test');
  const taken: number[] = [];
  const { withdraw } = budget;
  budget.withdraw = (now) => {
    while (taken.length > 0 && taken[0]! <= now - 10_000) taken.shift();
    if (withdraw.call(budget, now)) return true;
    return taken.length < 9 && taken.push(now) > 0;
  };
  return budget;
}

const PAGE = 'stop-below';

export const RETRIES: readonly Row[] = [
  ...(
    [
      [1_000, 10_000, 1.21],
      [100, 60_000, 1.21],
      [10, 60_000, 1.31],
      [1, 300_000, 1.35],
      [0.2, 1_500_000, 1.6],
    ] as const
  ).map(
    ([perSecond, durationMs, bound]): Row => ({
      page: PAGE,
      scene: `everything fails at ${perSecond.toLocaleString('en')} calls/s, 3 retries`,
      measure: 'attempts a call',
      unit: 'x',
      bound,
      seeds: 20,
      value: (seed) => attempts(seed, perSecond, durationMs),
      control: {
        what: perSecond < 1 ? 'a free repeat a second' : 'a budget without an end',
        value: (seed) => attempts(seed, perSecond, durationMs / 2, perSecond < 1 ? withFloor() : boundless()),
      },
    }),
  ),
  {
    page: PAGE,
    scene: 'three services in a row, the last of which fails',
    measure: 'attempts there for a call at the first',
    unit: 'x',
    bound: 1.74,
    seeds: 2,
    value: (seed) => inARow(seed, false),
    control: { what: 'budgets without an end', value: (seed) => inARow(seed, false, 300, false) },
  },
  {
    page: PAGE,
    scene: 'the same with stopBelow at the first',
    measure: 'attempts there for a call at the first',
    unit: 'x',
    bound: 1.21,
    seeds: 2,
    value: (seed) => inARow(seed, true),
    control: { what: 'no such bit', value: (seed) => inARow(seed, false) },
  },
];
