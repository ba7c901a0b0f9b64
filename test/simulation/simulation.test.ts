import assert from 'node:assert/strict';
import { generate } from './generate.js';
import { runScript } from './run-script.js';

const SEEDS = 1_000;

/** Beyond the first thousand, those that have found something once, for as long as they draw what they drew then. */
const FOUND: readonly number[] = [2_727];

describe('clients and servers in virtual time, whatever happens', function () {
  this.timeout(300_000);

  it('keep them in the runs that have found something', async () => {
    for (const seed of FOUND) assert.deepEqual((await runScript(generate(seed))).violations, [], `seed ${seed}`);
  });

  it(`keep all invariants in the runs of ${SEEDS} seeds`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violations } = await runScript(generate(seed));
      assert.deepEqual(violations, [], `npm run simulate -- --seed ${seed}`);
    }
  });
});
