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
});
