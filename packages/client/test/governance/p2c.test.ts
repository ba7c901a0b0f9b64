import assert from 'node:assert/strict';
import { measuredTime, percentile, shareWithin, simulateCalls, uniformTime } from '@org/rpc-testkit';
import { p2c } from '../../src/picker/p2c.js';
import type { PickerFactory } from '../../src/picker/picker.js';
import { roundRobin } from '../../src/picker/round-robin.js';
import { broken, healthy, Rig, type Script, SEEDS } from './rig.js';

/** The latencies of the servers in Buoyant's "Beyond Round Robin" (2016), from finagle-benchmark's real_latencies.data. */
const FINAGLE = measuredTime([
  [0, 164.086],
  [0.5, 167.483],
  [0.9, 176.702],
  [0.95, 181.719],
  [0.99, 192.309],
  [0.999, 198.823],
  [1, 199.989],
]);

async function slowNode(seed: number, picker: PickerFactory) {
  const slow: Script = (now, random) => ({ afterMs: now >= 15_000 && now < 45_000 ? 2_000 : FINAGLE(random) });
  const rig = new Rig({ seed, picker, nodes: [slow, ...new Array<Script>(10).fill(healthy(FINAGLE))] });
  const { clock, random } = rig;
  return simulateCalls({ clock, random, perSecond: 1_000, durationMs: 60_000, call: () => rig.call() });
}

describe('p2c with one slow node of eleven', function () {
  this.timeout(60_000);

  it('answers 99.90 % within a second, and 99.9 % within 250 ms', async () => {
    for (const seed of SEEDS) {
      const result = await slowNode(seed, p2c());
      assert.ok(shareWithin(result, 1_000) >= 0.999, `seed ${seed}: ${shareWithin(result, 1_000)} within 1 s`);
      assert.ok(percentile(result, 0.999) < 250, `seed ${seed}: p99.9 is ${percentile(result, 0.999)} ms`);
    }
  });

  it('where round robin answers 95.5 %', async () => {
    const share = shareWithin(await slowNode(1, roundRobin()), 1_000);
    assert.ok(share > 0.95 && share < 0.96, `within 1 s: ${share}`);
  });
});

/** Any node, whatever is known of it. */
function blind(): PickerFactory {
  return {
    name: 'blind',
    create: (nodes, { random }) => ({ pick: () => nodes[Math.floor(random() * nodes.length)] }),
  };
}

const FAILS_FROM_MS = 10_000;
const FAILS_UNTIL_MS = 40_000;

async function blackHole(seed: number, picker: PickerFactory, idempotent: boolean) {
  const time = uniformTime(40, 60);
  const failing: Script = (now, random) =>
    now >= FAILS_FROM_MS && now < FAILS_UNTIL_MS ? { afterMs: 1, error: broken() } : { afterMs: time(random) };
  const rig = new Rig({ seed, picker, idempotent, nodes: [failing, ...new Array<Script>(9).fill(healthy(time))] });
  const { clock, random } = rig;
  return simulateCalls({ clock, random, perSecond: 500, durationMs: 50_000, call: () => rig.call() });
}

describe('p2c with one node of ten that fails in 1 ms, without retries', function () {
  this.timeout(60_000);

  for (const idempotent of [true, false]) {
    it(`fails at most 0.05 % of the calls${idempotent ? '' : ' that must not be repeated'}`, async () => {
      for (const seed of SEEDS) {
        const failures = (await blackHole(seed, p2c(), idempotent)).failures;
        // Of the calls in the time of failure alone, which asks for more than the whole run.
        const share = failures / (500 * 30);
        assert.ok(share <= 0.0005, `seed ${seed}: ${failures} calls failed`);
      }
    });
  }

  it('where a pick that looks at nothing fails 10 %', async () => {
    const result = await blackHole(1, blind(), true);
    assert.ok(result.failures > 1_000, `${result.failures} calls failed`);
  });
});

describe('a node that has recovered', function () {
  this.timeout(60_000);
  const time = uniformTime(40, 60);

  for (const size of [2, 3, 10, 100]) {
    it(`gets its first call within 6 s among ${size}, after an outage of any length up to a minute`, async () => {
      for (const seed of SEEDS) {
        const outageMs = [500, 5_000, 20_000, 60_000][seed % 4]!;
        const recoversAt = 10_000 + outageMs;
        const failing: Script = (now, random) =>
          now >= 10_000 && now < recoversAt ? { afterMs: 1, error: broken() } : { afterMs: time(random) };
        const nodes = [failing, ...new Array<Script>(size - 1).fill(healthy(time))];
        const rig = new Rig({ seed, picker: p2c(), nodes, retries: 2, timeoutMs: 1_000 });
        const { clock, random } = rig;
        const durationMs = recoversAt + 7_000;
        await simulateCalls({ clock, random, perSecond: 500, durationMs, settleMs: 2_000, call: () => rig.call() });
        const first = rig.nodes[0]!.arrivals.find((at) => at >= recoversAt);
        assert.ok(first !== undefined && first - recoversAt <= 6_000, `seed ${seed}: after ${first! - recoversAt} ms`);
      }
    });
  }

  it('carries its share again soon after', async () => {
    const failing: Script = (now, random) =>
      now >= 10_000 && now < 20_000 ? { afterMs: 1, error: broken() } : { afterMs: time(random) };
    const rig = new Rig({
      seed: 1,
      picker: p2c(),
      nodes: [failing, ...new Array<Script>(9).fill(healthy(time))],
      retries: 2,
    });
    const { clock, random } = rig;
    await simulateCalls({ clock, random, perSecond: 500, durationMs: 40_000, call: () => rig.call() });
    const calls = rig.nodes[0]!.arrivals.filter((at) => at >= 30_000).length;
    assert.ok(calls > 400 && calls < 600, `${calls} of 5,000 calls in 10 s, 500 are its share`);
  });
});
