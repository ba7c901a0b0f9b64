import assert from 'node:assert/strict';
import { localFirst, type PickerFactory, p2c } from '@org/rpc-client';
import { type ServiceTime, type Simulation, type SimulationReport, simulate } from '@org/rpc-testkit';

const WARM_UP_S = 10;

/** Around 45 ms, which varies a little. */
const work: ServiceTime = (random) =>
  40 * Math.exp(0.5 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));

/** Three nodes near and three that are 4 ms further away, each with 8 slots; with all calls the near ones would be busy to this part. */
const scene = (nearBusy: number, seed: number, balancer: PickerFactory): Simulation => ({
  clients: {
    count: 3,
    perSecond: (nearBusy * 3 * 8 * 1_000) / 45.3,
    options: { balancer, zone: 'a', timeoutMs: 3_000 },
  },
  servers: { count: 6, slots: 8, work, zones: ['a', 'b'], crossZoneMs: 4 },
  durationMs: 18_000,
  warmUpMs: WARM_UP_S * 1_000,
  seed,
});

/** What the near nodes got of the calls. */
function nearShare({ servers }: SimulationReport): number {
  const attempts = servers.map(({ attemptsBySecond }) =>
    attemptsBySecond.slice(WARM_UP_S).reduce((sum, count) => sum + count, 0),
  );
  const near = attempts.filter((_, server) => server % 2 === 0);
  return near.reduce((sum, count) => sum + count, 0) / attempts.reduce((sum, count) => sum + count, 0);
}

describe('nodes of two zones', function () {
  this.timeout(60_000);

  it('of which the near ones can carry all: they get 95 % at least', async () => {
    for (const seed of [1, 2]) {
      const report = await simulate(scene(0.8, seed, localFirst()));
      assert.ok(nearShare(report) >= 0.95, `seed ${seed}: ${nearShare(report)}`);
      assert.equal(report.failures, 0);
    }
    const alike = await simulate(scene(0.8, 1, p2c()));
    assert.ok(nearShare(alike) < 0.8, `${nearShare(alike)} where all are alike`);
  });

  it('at 150 % of what the near ones can carry: p99 is 1.2 x that of all nodes alike at most', async () => {
    const ours = await simulate(scene(1.5, 1, localFirst()));
    const alike = await simulate(scene(1.5, 1, p2c()));
    assert.ok(ours.p99Ms <= 1.2 * alike.p99Ms, `${ours.p99Ms} ms, ${alike.p99Ms} when all are alike`);
    assert.equal(ours.failures, 0);
    const strict = await simulate({
      ...scene(1.5, 1, localFirst({ otherwise: 'none' })),
      durationMs: 6_000,
      warmUpMs: 0,
    });
    assert.ok(strict.p99Ms > 500 || strict.failures > 0, `${strict.p99Ms} ms for near nodes alone`);
  });
});
