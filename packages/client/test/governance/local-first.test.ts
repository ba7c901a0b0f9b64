import assert from 'node:assert/strict';
import { localFirst } from '@org/rpc-client';
import { type SimulationReport, simulate } from '@org/rpc-testkit';
import { testRows } from './row.js';
import { nearShare, twoZones, WARM_UP_S, ZONES } from './rows/zones.js';

/** What the near nodes got in each second. */
function shares(report: SimulationReport): number[] {
  return Array.from({ length: 18 - WARM_UP_S }, (_, second) =>
    nearShare(report, WARM_UP_S + second, WARM_UP_S + second + 1),
  );
}

describe('nodes of two zones', function () {
  this.timeout(60_000);

  testRows(ZONES);

  it('at 150 % of what the near ones can carry: their part does not swing', async () => {
    for (const seed of [1, 2, 3]) {
      const report = await simulate(twoZones(1.5, seed, localFirst()));
      assert.equal(report.failures, 0);
      const bySecond = shares(report);
      assert.ok(Math.max(...bySecond) - Math.min(...bySecond) <= 0.2, `seed ${seed}: swings, ${bySecond}`);
    }
  });
});
