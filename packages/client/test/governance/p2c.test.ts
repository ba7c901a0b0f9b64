import assert from 'node:assert/strict';
import { simulateCalls, uniformTime } from '@org/rpc-testkit';
import { p2c } from '../../src/picker/p2c.js';
import { broken, healthy, Rig, type Script } from './rig.js';
import { testRows } from './row.js';
import { BALANCING } from './rows/balancing.js';

describe('p2c', function () {
  this.timeout(60_000);

  testRows(BALANCING);

  it('gives a node that has recovered its share again soon after', async () => {
    const time = uniformTime(40, 60);
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

  for (const [slower, least, most] of [
    [1, 35, 45],
    [1.5, 50, 65],
  ] as const) {
    it(`splits 80 calls that are made at once over two nodes, of which one takes ${slower} x as long`, async () => {
      for (const seed of [1, 2, 3, 4, 5]) {
        const nodes = [healthy(uniformTime(15, 25)), healthy(uniformTime(15 * slower, 25 * slower))];
        const rig = new Rig({ seed, picker: p2c(), nodes });
        const { clock, random } = rig;
        const call = (): Promise<unknown> => rig.call();
        await simulateCalls({ clock, random, perSecond: 50, durationMs: 20_000, settleMs: 300, call });
        const before = rig.nodes[0]!.arrivals.length;
        const all = Promise.all(Array.from({ length: 80 }, call));
        const faster = rig.nodes[0]!.arrivals.length - before;
        assert.ok(faster >= least && faster <= most, `seed ${seed}: ${faster} went to the faster one`);
        await clock.advance(1_000);
        await all;
      }
    });
  }
});
