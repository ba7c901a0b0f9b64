import assert from 'node:assert/strict';
import { localFirst, type PickerFactory, p2c } from '@org/rpc-client';
import { type ServiceTime, type Simulation, type SimulationReport, simulate } from '@org/rpc-testkit';
import { attemptsAt } from './charts/figures.js';

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

const NEAR = [0, 2, 4];

/** What the near nodes got of the calls, from a second to another. */
function nearShare(report: SimulationReport, from = WARM_UP_S, until = 18): number {
  return attemptsAt(NEAR)(report, from, until - from) / attemptsAt()(report, from, until - from);
}

/** What the near nodes got in each second. */
function shares(report: SimulationReport): number[] {
  return Array.from({ length: 18 - WARM_UP_S }, (_, second) =>
    nearShare(report, WARM_UP_S + second, WARM_UP_S + second + 1),
  );
}

describe('nodes of two zones', function () {
  this.timeout(60_000);

  it('of which the near ones can carry all: they get 95 % at least', async () => {
    for (const seed of [1, 2, 3]) {
      const report = await simulate(scene(0.8, seed, localFirst()));
      assert.ok(nearShare(report) >= 0.95, `seed ${seed}: ${nearShare(report)}`);
      assert.equal(report.failures, 0);
    }
    const alike = await simulate(scene(0.8, 1, p2c()));
    assert.ok(nearShare(alike) < 0.8, `${nearShare(alike)} where all are alike`);
  });

  it('at 150 % of what the near ones can carry: p99 is 1.2 x that of all nodes alike at most, and their part does not swing', async () => {
    for (const seed of [1, 2, 3]) {
      const ours = await simulate(scene(1.5, seed, localFirst()));
      const alike = await simulate(scene(1.5, seed, p2c()));
      assert.ok(ours.p99Ms <= 1.2 * alike.p99Ms, `seed ${seed}: ${ours.p99Ms} ms, ${alike.p99Ms} when all are alike`);
      assert.equal(ours.failures, 0);
      const bySecond = shares(ours);
      assert.ok(Math.max(...bySecond) - Math.min(...bySecond) <= 0.2, `seed ${seed}: swings, ${bySecond}`);
    }
    const strict = await simulate({
      ...scene(1.5, 1, localFirst({ otherwise: 'none' })),
      durationMs: 6_000,
      warmUpMs: 0,
    });
    assert.ok(strict.p99Ms > 500 || strict.failures > 0, `${strict.p99Ms} ms for near nodes alone`);
  });

  it('is at home 3 s after it has started, and 3 s after the near ones can carry all again', async () => {
    for (const seed of [1, 2, 3]) {
      const usual = scene(0.7, seed, localFirst());
      const perSecond = (atMs: number) => scene(atMs < 10_000 ? 1.5 : 0.7, seed, p2c()).clients.perSecond as number;
      const begun = nearShare(await simulate({ ...usual, durationMs: 6_000, warmUpMs: 0 }), 3, 6);
      assert.ok(begun >= 0.95, `seed ${seed}: ${begun} of the calls from 3 to 6 s`);
      const eased = nearShare(await simulate({ ...usual, clients: { ...usual.clients, perSecond } }), 13, 16);
      assert.ok(eased >= 0.95, `seed ${seed}: ${eased} from 3 to 6 s after the traffic has fallen`);
    }
  });

  it('comes home within 6 s when near ones that were four times as slow are well', async () => {
    const faults = [{ kind: 'slower', servers: NEAR, times: 4, fromMs: 4_000, untilMs: 9_000 }] as const;
    for (const seed of [1, 2, 3]) {
      const home = nearShare(await simulate({ ...scene(0.36, seed, localFirst()), faults }), 15, 18);
      assert.ok(home >= 0.95, `seed ${seed}: ${home}`);
    }
  });
});
