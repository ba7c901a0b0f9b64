import assert from 'node:assert/strict';
import type { ClientOptions } from '@org/rpc-client';
import type { Layer } from '@org/rpc-core';
import { type SimulatedFault, type Simulation, type SimulationReport, simulate } from '@org/rpc-testkit';
import { flatFailures } from './flat-failures.js';

/** Three servers of one slot each that are 70 % busy with a millisecond of work a call. */
const POOL: Simulation = {
  clients: { perSecond: 2_100, options: { timeoutMs: 3_000 } },
  servers: { count: 3, slots: 1, work: 1 },
  durationMs: 15_000,
  warmUpMs: 3_000,
};

const SEEDS = [1, 2, 3, 4, 5];

async function p99s(simulation: Simulation): Promise<number[]> {
  const reports: SimulationReport[] = [];
  for (const seed of SEEDS) reports.push(await simulate({ ...simulation, seed }));
  return reports.map(({ p99Ms }) => p99Ms);
}

/** What p99 is without errors, on average over the seeds: their latencies differ by some percent. */
let without = 0;

async function assertP99(simulation: Simulation, times: number): Promise<void> {
  for (const [index, ms] of (await p99s(simulation)).entries())
    assert.ok(ms <= times * without, `seed ${SEEDS[index]}: p99 is ${ms} ms, ${without} without`);
}

describe('a rare error of all nodes alike', function () {
  this.timeout(120_000);
  before(async () => {
    without = (await p99s(POOL)).reduce((sum, ms) => sum + ms, 0) / SEEDS.length;
  });

  for (const [share, times] of [
    [0.0002, 1.1],
    [0.001, 1.1],
    [0.01, 1.7],
  ] as const) {
    it(`in ${100 * share} % of the calls raises p99 by ${times} x at most`, () => {
      const faults: SimulatedFault[] = [{ kind: 'failing', servers: [0, 1, 2], code: 'INTERNAL', share }];
      return assertP99({ ...POOL, faults }, times);
    });
  }

  it('and so does one call in a thousand whose deadline is shorter than the work takes', () =>
    assertP99({ ...POOL, methods: { call: { share: 999 }, hasty: { timeoutMs: 2 } } }, 1.1));

  it('where a failure that counts as five seconds, whatever is usual, raises it sixfold', async () => {
    const faults: SimulatedFault[] = [{ kind: 'failing', servers: [0, 1, 2], code: 'INTERNAL', share: 0.0002 }];
    const { clients } = POOL;
    const report = await simulate({
      ...POOL,
      faults,
      clients: { ...clients, options: { ...clients.options, ...flat() } },
    });
    assert.ok(report.p99Ms > 4 * without, `p99 is ${report.p99Ms} ms, ${without} without`);
  });
});

/** A client whose failures each weigh five seconds on their node. */
function flat(): Pick<ClientOptions, 'balancer' | 'layers'> {
  const { picker, failed } = flatFailures();
  const watch: Layer = (next) => (call) =>
    next(call).catch((error: unknown) => {
      failed(call);
      throw error;
    });
  return { layers: { unary: [watch] }, balancer: picker };
}
