import assert from 'node:assert/strict';
import { simulateCalls } from '@org/rpc-testkit';
import { p2c } from '../../src/picker/p2c.js';
import { broken, Rig, type Script } from './rig.js';
import { testRows } from './row.js';
import { EJECTION } from './rows/ejection.js';

describe('ejection', function () {
  this.timeout(120_000);

  testRows(EJECTION);

  it('of two nodes never leaves both alone', async () => {
    const down: Script = () => ({ afterMs: 5, error: broken() });
    const rig = new Rig({ seed: 1, picker: p2c(), nodes: [down, down] });
    const { clock, random } = rig;
    await simulateCalls({ clock, random, perSecond: 100, durationMs: 30_000, call: () => rig.call() });
    assert.equal(rig.nodes.filter(({ health }) => health.isEjected).length, 1);
  });
});
