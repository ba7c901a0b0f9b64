import assert from 'node:assert/strict';
import { type PickerFactory, p2c } from '@org/rpc-client';
import { type ServiceTime, type Simulation, simulate } from '@org/rpc-testkit';

const SEEDS = [1];

/** Mostly around 20 ms, with a long tail. */
const work: ServiceTime = (random) =>
  20 * Math.exp(0.8 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));

/** Of two hundred clients each calls each node once in two seconds. Nodes are three quarters busy. */
const scene = (balancer: PickerFactory, seed: number, networkMs = 0.25): Simulation => ({
  clients: { count: 200, perSecond: 654, options: { balancer, timeoutMs: 3_000 } },
  servers: { count: 6, slots: 4, work, networkMs },
  durationMs: 4_500,
  warmUpMs: 2_000,
  seed,
});

describe('many clients that know little of many nodes', function () {
  this.timeout(120_000);

  it('do as well as if they knew all queues, within 15 %, when they ask; without it they do not', async () => {
    for (const seed of SEEDS) {
      // Answers that take no time are the truth.
      const known = await simulate(scene(p2c({ asks: true }), seed, 0));
      const asking = await simulate(scene(p2c({ asks: true }), seed));
      const silent = await simulate(scene(p2c(), seed));
      assert.ok(
        asking.p50Ms <= 1.15 * known.p50Ms,
        `seed ${seed}: p50 ${asking.p50Ms} ms, ${known.p50Ms} when all is known`,
      );
      assert.ok(
        asking.p99Ms <= 1.15 * known.p99Ms,
        `seed ${seed}: p99 ${asking.p99Ms} ms, ${known.p99Ms} when all is known`,
      );
      assert.ok(silent.p50Ms > 1.2 * known.p50Ms, `seed ${seed}: p50 ${silent.p50Ms} ms without, ${known.p50Ms}`);
    }
  });
});
