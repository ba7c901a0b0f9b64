import assert from 'node:assert/strict';
import type { PickerFactory } from '@org/rpc-client';
import { percentile, type Simulation, type SimulationReport, simulate, uniformTime } from '@org/rpc-testkit';
import { random } from '../../src/picker/random.js';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

function attempts({ servers }: SimulationReport, server: number, fromSecond: number, untilSecond: number): number {
  return servers[server]!.attemptsBySecond.slice(fromSecond, untilSecond).reduce((sum, count) => sum + count, 0);
}

/** The least that a node got of the calls of any ten seconds. */
function leastShare(report: SimulationReport, seconds: number): number {
  let least = 1;
  for (let from = 0; from + 10 <= seconds; from++) {
    const counts = report.servers.map((_, server) => attempts(report, server, from, from + 10));
    least = Math.min(least, Math.min(...counts) / counts.reduce((sum, count) => sum + count, 0));
  }
  return least;
}

/** The faster of two, by however little. */
function fastest(): PickerFactory {
  return {
    name: 'fastest',
    create: (nodes, { random }) => ({
      pick(_call, now) {
        const [a, b] = [0, 1].map(() => nodes[Math.floor(random() * nodes.length)]!);
        return a!.load.estimateMs(now) <= b!.load.estimateMs(now) ? a : b;
      },
    }),
  };
}

describe('one caller that makes one call after the other', function () {
  this.timeout(60_000);

  const caller = (perSecond: number, balancer?: PickerFactory): Simulation => ({
    clients: { perSecond, arrivals: 'sequential', options: balancer === undefined ? {} : { balancer } },
    servers: { count: 3, work: uniformTime(0.2, 0.4), networkMs: 0.05 },
    faults: [{ kind: 'slow', servers: [0, 1, 2], ms: 25, calls: 1 }],
    durationMs: 40_000,
    warmUpMs: 0,
  });

  for (const perSecond of [50, 200]) {
    it(`leaves no node below 15 % of any ten seconds, though the first answers are slow: ${perSecond} calls/s`, async () => {
      for (const seed of SEEDS) {
        const share = leastShare(await simulate({ ...caller(perSecond), seed }), 40);
        assert.ok(share >= 0.15, `seed ${seed}: ${share}`);
      }
    });
  }

  it('where the faster node by however little starves the others', async () => {
    const share = leastShare(await simulate(caller(200, fastest())), 40);
    assert.ok(share < 0.12, `${share}`);
  });
});

/** Twenty of a thousand clients of a hundred nodes, with ten calls a second each. */
describe('many clients with few calls to each of many nodes', function () {
  this.timeout(120_000);

  it('leave a broken node alone, and do not all come back at once', async () => {
    for (const seed of SEEDS.slice(0, 3)) {
      const report = await simulate({
        clients: { count: 20, perSecond: 200 },
        servers: { count: 100, work: uniformTime(5, 15) },
        faults: [{ kind: 'failing', servers: 0, fromMs: 10_000, untilMs: 130_000 }],
        durationMs: 160_000,
        seed,
      });
      assert.equal(report.failures, 0, `seed ${seed}`);
      const during = attempts(report, 0, 10, 130) / (2 * 120);
      assert.ok(during <= 0.2, `seed ${seed}: ${during} of its share while it is broken`);
      const after = attempts(report, 0, 130, 160) / (2 * 30);
      assert.ok(after <= 1.2, `seed ${seed}: ${after} of its share after it`);
    }
  });
});

describe('a node among thirty that are busy', function () {
  this.timeout(120_000);

  it('raises p99 by a fifth at most when it comes back', async () => {
    const pool: Simulation = {
      clients: { count: 3, perSecond: 0.85 * 30 * 2 * 50 },
      servers: { count: 30, slots: 2, work: 20 },
      durationMs: 22_000,
    };
    const usualMs = percentile((await simulate(pool)).between(12_000, 22_000), 0.99);
    for (const seed of SEEDS.slice(0, 3)) {
      const report = await simulate({
        ...pool,
        seed,
        faults: [{ kind: 'failing', servers: 0, fromMs: 4_000, untilMs: 12_000 }],
      });
      const ms = percentile(report.between(12_000, 22_000), 0.99);
      assert.ok(ms <= 1.2 * usualMs, `seed ${seed}: p99 is ${ms} ms, ${usualMs} usually`);
      const [back, other] = [attempts(report, 0, 12, 22), attempts(report, 1, 12, 22)];
      assert.ok(back > 0 && back < 0.9 * other, `seed ${seed}: ${back} calls, ${other} for another one`);
    }
  });
});

describe('nodes that can do as much as they weigh', function () {
  this.timeout(120_000);

  for (const [count, heavy] of [
    [2, 1],
    [10, 1],
    [30, 2],
  ] as const) {
    it(`have a p99 of 1.1 x that of a weighted draw at most: ${heavy} of ${count} heavy`, async () => {
      const weights = Array.from({ length: count }, (_, index) => (index < heavy ? 100 : 10));
      const slots = weights.map((weight) => weight / 10);
      const total = slots.reduce((sum, each) => sum + each, 0);
      const pool = (seed: number, balancer?: PickerFactory): Simulation => ({
        clients: { perSecond: 0.75 * total * 50, options: balancer === undefined ? {} : { balancer } },
        servers: { count, slots, work: 20, weights },
        durationMs: 12_000,
        warmUpMs: 2_000,
        seed,
      });
      for (const seed of SEEDS.slice(0, 3)) {
        const ours = (await simulate(pool(seed))).p99Ms;
        const drawn = (await simulate(pool(seed, random()))).p99Ms;
        assert.ok(ours <= 1.1 * drawn, `seed ${seed}: ${ours} ms, ${drawn} for the draw`);
      }
    });
  }
});
