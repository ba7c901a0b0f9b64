import assert from 'node:assert/strict';
import { generate } from './generate.js';
import { runScript } from './run-script.js';

const SEEDS = 1_000;

describe('clients and servers in virtual time, whatever happens', function () {
  this.timeout(300_000);

  it(`keep all invariants in the runs of ${SEEDS} seeds`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violations } = await runScript(generate(seed));
      assert.deepEqual(violations, [], `npm run simulate -- --seed ${seed}`);
    }
  });
});
