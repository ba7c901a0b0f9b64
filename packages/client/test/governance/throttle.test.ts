import assert from 'node:assert/strict';
import type { ClientOptions } from '@org/rpc-client';
import { type Simulation, type SimulationReport, simulate, uniformTime } from '@org/rpc-testkit';

/** Two servers that could do 1,000 calls a second between them do 80 for 45 s, while 800 are made. */
const CAPACITY = 80;
const TIMES = 12.5;
const UNTIL_MS = 45_000;

function overload(options: ClientOptions): Simulation {
  return {
    clients: { count: 20, perSecond: 10 * CAPACITY, options },
    servers: { count: 2, slots: 5, queueMax: 20, work: uniformTime(5, 15) },
    faults: [{ kind: 'slower', servers: [0, 1], times: TIMES, untilMs: UNTIL_MS }],
    durationMs: 80_000,
    warmUpMs: 0,
  };
}

/** Attempts that arrived at both servers, a second, within some seconds. */
function attemptsPerSecond({ servers }: SimulationReport, from: number, until: number): number {
  let sum = 0;
  for (const { attemptsBySecond } of servers) for (const count of attemptsBySecond.slice(from, until)) sum += count;
  return sum / (until - from);
}

describe('the throttle of 20 clients whose servers have ten times too much to do', function () {
  this.timeout(120_000);

  it('lets through twice what they can do, and they go on doing it; soon after, all is as it was', async () => {
    for (const seed of [1, 2, 3]) {
      const report = await simulate({ ...overload({}), seed });
      const sent = attemptsPerSecond(report, 25, 45) / CAPACITY;
      assert.ok(sent <= 2.1, `seed ${seed}: the servers see ${sent} x what they can do`);
      const { calls, failures } = report.between(25_000, UNTIL_MS);
      const accepted = (calls - failures) / 20 / CAPACITY;
      assert.ok(accepted >= 0.97, `seed ${seed}: they do ${accepted} of what they can`);
      const after = report.between(UNTIL_MS + 30_000, 80_000);
      assert.ok(
        after.failures / after.calls < 0.01,
        `seed ${seed}: ${after.failures} of ${after.calls} fail afterwards`,
      );
    }
  });

  it('where without it they see ten times as much and more', async () => {
    const report = await simulate(overload({ throttle: false }));
    const sent = attemptsPerSecond(report, 25, 45) / CAPACITY;
    assert.ok(sent > 9, `${sent} x`);
  });
});
