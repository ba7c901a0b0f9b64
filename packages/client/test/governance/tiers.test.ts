import assert from 'node:assert/strict';
import { Call, type Service } from '@org/rpc-core';
import { fuseGates, rpcError } from '@org/rpc-core/internal';
import { FakeClock, seededRandom, simulateCalls } from '@org/rpc-testkit';
import { retry } from '../../src/attempts/retry.js';
import { RetryBudget } from '../../src/policy/retry-budget.js';
import { METHOD } from './rig.js';

/** Three services in a row, the last of which always fails. @returns attempts at the last one for each call at the first */
async function amplification(seed: number, stopBelow: boolean): Promise<number> {
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
  const { calls } = await simulateCalls({ clock, random, perSecond: 1_000, durationMs: 5_000, call, drain: 'all' });
  return attempts / calls;
}

describe('three services in a row of which the last one fails', function () {
  this.timeout(60_000);

  it('are asked 1.74 times as often at most: each repeats on its budget', async () => {
    for (const seed of [1, 2]) {
      const factor = await amplification(seed, false);
      assert.ok(factor <= 1.74 && factor > 1.3, `seed ${seed}: ${factor}`);
    }
  });

  it('are asked 1.21 times as often when the first one tells those below to repeat nothing', async () => {
    for (const seed of [1, 2]) {
      const factor = await amplification(seed, true);
      assert.ok(factor <= 1.21 && factor > 1.1, `seed ${seed}: ${factor}`);
    }
  });
});
