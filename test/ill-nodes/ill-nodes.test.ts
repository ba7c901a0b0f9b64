import assert from 'node:assert/strict';
import { runScene } from './run-scene.js';
import { SCENES } from './scenes.js';

/** The times of a machine that does other things too say nothing: only what fails counts here. `npm run faults:nodes` has the rest. */
const LOAD = { perSecond: 100, beforeS: 1, faultS: 3 };

describe('three node processes under rpc bench', function () {
  this.timeout(60_000);

  it('cost idempotent calls nothing when one of them is killed', async () => {
    const scene = SCENES.find(({ name }) => name === 'killed')!;
    const seen = await runScene(scene, LOAD);
    assert.ok(seen.calls > 200, `${seen.calls} calls`);
    assert.ok(scene.holds(seen, seen), JSON.stringify(seen));
  });
});
