import assert from 'node:assert/strict';
import { type SimulationResult, simulateCalls, uniformTime } from '@org/rpc-testkit';
import { p2c } from '../../src/picker/p2c.js';
import type { PickerFactory } from '../../src/picker/picker.js';
import { roundRobin } from '../../src/picker/round-robin.js';
import { broken, healthy, Rig, type RigOptions, type Script, SEEDS } from './rig.js';

const FROM_MS = 10_000;
const UNTIL_MS = 70_000;

const fine = healthy(uniformTime(15, 25));
const failing: Script = (now, random, call) =>
  now >= FROM_MS && now < UNTIL_MS ? { afterMs: 5, error: broken() } : fine(now, random, call);

interface Run extends SimulationResult {
  readonly rig: Rig;
  /** How many nodes were left alone at the end of the outage. */
  readonly ejected: number;
  /** Of them, and of those that work. */
  readonly wrongly: number;
}

async function run(seed: number, ill: number, picker: PickerFactory, options: Partial<RigOptions> = {}): Promise<Run> {
  const nodes = Array.from({ length: 10 }, (_, index) => (index < ill ? failing : fine));
  const rig = new Rig({ seed, picker, nodes, ...options });
  const { clock, random } = rig;
  let ejected = 0;
  let wrongly = 0;
  clock.schedule(UNTIL_MS - 1, () => {
    rig.nodes.forEach(({ health }, index) => {
      if (health.isEjected) ejected++;
      if (health.isEjected && index >= ill) wrongly++;
    });
  });
  const result = await simulateCalls({ clock, random, perSecond: 200, durationMs: UNTIL_MS, call: () => rig.call() });
  return { ...result, rig, ejected, wrongly };
}

describe('ejection where nodes fail wholly', function () {
  this.timeout(120_000);

  for (const ill of [3, 5]) {
    it(`leaves all of them alone when ${ill} of 10 do, and nobody else`, async () => {
      for (const seed of SEEDS) {
        const { ejected, wrongly } = await run(seed, ill, p2c());
        assert.deepEqual([ejected, wrongly], [ill, 0], `seed ${seed}`);
      }
    });
  }

  it('leaves no more than half of the nodes alone when 6 of 10 do, and panic goes on', async () => {
    for (const seed of SEEDS.slice(0, 10)) {
      const { ejected, wrongly, failures, calls } = await run(seed, 6, p2c());
      assert.deepEqual([ejected, wrongly], [5, 0], `seed ${seed}`);
      assert.ok(failures / calls <= 0.02, `seed ${seed}: ${failures} of ${calls} failed`);
    }
  });

  it('finds the one that fails in four of ten calls, which neither a breaker nor a row of failures does', async () => {
    const flaky: Script = (now, random, call) =>
      random() < 0.4 ? failing(now, random, call) : fine(now, random, call);
    const failed = async (seed: number, ejection?: false): Promise<number> => {
      const nodes = [flaky, ...new Array<Script>(9).fill(fine)];
      const rig = new Rig({ seed, picker: roundRobin(), nodes, ...(ejection === undefined ? {} : { ejection }) });
      const { clock, random } = rig;
      const call = (): Promise<unknown> => rig.call();
      const { failures, calls } = await simulateCalls({ clock, random, perSecond: 200, durationMs: UNTIL_MS, call });
      return (100 * failures) / calls;
    };
    for (const seed of [1, 2, 3]) {
      const percent = await failed(seed);
      assert.ok(percent <= 1, `seed ${seed}: ${percent} % failed`);
    }
    const without = await failed(1, false);
    assert.ok(without > 2.5, `${without} % failed without`);
  });

  it('gives them calls again within 10 s of their recovery, after a minute of failing', async () => {
    for (const seed of SEEDS.slice(0, 5)) {
      const { rig } = await run(seed, 5, p2c());
      const { clock, random } = rig;
      await simulateCalls({ clock, random, perSecond: 200, durationMs: 10_000, call: () => rig.call() });
      assert.equal(rig.nodes.filter(({ health }) => health.isEjected).length, 0, `seed ${seed}`);
    }
  });

  it('of two nodes never leaves both alone', async () => {
    const down: Script = () => ({ afterMs: 5, error: broken() });
    const rig = new Rig({ seed: 1, picker: p2c(), nodes: [down, down] });
    const { clock, random } = rig;
    await simulateCalls({ clock, random, perSecond: 100, durationMs: 30_000, call: () => rig.call() });
    assert.equal(rig.nodes.filter(({ health }) => health.isEjected).length, 1);
  });
});
