import assert from 'node:assert/strict';
import type { ClientOptions } from '@org/rpc-client';
import type { Layer } from '@org/rpc-core';
import { type SimulatedFault, type Simulation, simulate, uniformTime } from '@org/rpc-testkit';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Three nodes with a hundred calls a second, of which one does to its node what the fault says. */
function pool(kind: SimulatedFault['kind'], seed: number, options: ClientOptions = {}): Simulation {
  return {
    clients: { count: 2, perSecond: 100, options },
    servers: { count: 3, work: uniformTime(5, 15) },
    faults: [{ kind, servers: [0, 1, 2], fromMs: 5_000 }],
    durationMs: 15_000,
    seed,
  };
}

/** Repeats twice, whatever the nodes that were tried say. */
const stubborn: Layer = (next) => async (call) => {
  for (let repeats = 0; ; repeats++) {
    try {
      return await next(call);
    } catch (error) {
      if (repeats === 2) throw error;
    }
  }
};

describe('a call that brings down the node that runs it', function () {
  this.timeout(60_000);

  for (const kind of ['blocking', 'crashing'] as const) {
    it(`is given to two nodes at most, and costs two percent of the others at most: ${kind}`, async () => {
      for (const seed of SEEDS) {
        const { failures, calls, servers } = await simulate(pool(kind, seed));
        assert.ok(failures - 1 <= 0.02 * calls, `seed ${seed}: ${failures} of ${calls} failed`);
        const standing = servers.filter(({ attemptsBySecond }) => (attemptsBySecond[8] ?? 0) > 60);
        assert.equal(standing.length, 1, `seed ${seed}: ${servers.map((each) => each.attemptsBySecond).join('; ')}`);
      }
    });

    it(`costs all calls of that time where it is repeated whatever happens: ${kind}`, async () => {
      const options = { retry: false, timeoutMs: 2_000, attemptTimeoutMs: 500, layers: { unary: [stubborn] } } as const;
      const { failures, calls } = await simulate(pool(kind, 1, options));
      assert.ok(failures > 0.2 * calls, `${failures} of ${calls} failed`);
    });
  }

  it('is no reason to stop for nodes that live: they are slow, and answer a PING', async () => {
    const report = await simulate({
      clients: { perSecond: 5 },
      servers: { count: 4, slots: 4, work: uniformTime(5, 15) },
      faults: [{ kind: 'slow', servers: [0, 1, 2], ms: 2_000, fromMs: 20_000, untilMs: 20_600 }],
      durationMs: 25_000,
    });
    assert.equal(report.failures, 0);
  });
});
