import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import { consistentHash } from '../../src/picker/consistent-hash.js';
import { leastActive } from '../../src/picker/least-active.js';
import { localFirst } from '../../src/picker/local-first.js';
import { p2c } from '../../src/picker/p2c.js';
import { random } from '../../src/picker/random.js';
import { roundRobin } from '../../src/picker/round-robin.js';
import { broken, healthy, METHOD, Rig, type Script } from './rig.js';

/**
 * Looks at four probing nodes, and at those that a picker draws: eight twice, or, of a hash, eight and twelve more in turn and one. With zones
 * two choices may be made, each after a look at sixteen of a part.
 */
const LOOKS_MAX = { localFirst: 80, others: 25 };

describe('the price of a pick', function () {
  this.timeout(30_000);

  for (const factory of [p2c(), roundRobin(), random(), leastActive(), consistentHash(), localFirst({ zone: 'z0' })]) {
    for (const ill of ['none', 'a third', 'all']) {
      it(`does not grow with the number of nodes: ${factory.name}, ${ill} of 10,000 ill`, () => {
        const nodes = new Array<Script>(10_000).fill(healthy(() => 1));
        const rig = new Rig({ seed: 1, picker: factory, nodes, breakers: false });
        const failed = new Call(METHOD, [], false);
        rig.nodes.forEach((node, index) => {
          if (ill === 'none' || (ill === 'a third' && index % 3 > 0)) return;
          node.load.started(0);
          node.load.settled(1, 0, 'failure');
          node.health.settled(failed, 'failure', 1);
        });
        const max = factory.name === 'localFirst' ? LOOKS_MAX.localFirst : LOOKS_MAX.others;
        const looks = (): number => rig.nodes.reduce((sum, node) => sum + node.statusCalls, 0);
        for (let pick = 0; pick < 100; pick++) {
          const before = looks();
          const call = new Call(METHOD, [], false);
          call.idempotent = true;
          assert.ok(rig.pick(call, 10_000) !== undefined);
          assert.ok(looks() - before <= max, `pick ${pick} looked at ${looks() - before} nodes`);
        }
      });
    }
  }
});

describe('a picker', () => {
  it('gives a node even when all are avoided', async () => {
    const failing: Script = () => ({ afterMs: 1, error: broken() });
    for (const picker of [p2c(), roundRobin()]) {
      const rig = new Rig({ seed: 1, picker, nodes: [failing, failing, failing] });
      for (let i = 0; i < 300; i++) {
        rig.call().catch(() => {});
        await rig.clock.advance(10);
      }
      assert.equal(rig.transitions.filter(({ state }) => state === 'open').length, 3);
      assert.equal(rig.attempts, 300);
    }
  });
});
