import assert from 'node:assert/strict';
import { simulate, uniformTime } from '@org/rpc-testkit';
import { testRows } from './row.js';
import { ILL_NODES } from './rows/ill-nodes.js';
import { ONE_METHOD } from './rows/one-method.js';

const work = uniformTime(15, 25);

describe('ill nodes', function () {
  this.timeout(120_000);

  testRows(ILL_NODES);
});

describe('a node of which one method fails', function () {
  this.timeout(120_000);

  testRows(ONE_METHOD);
});

describe('weights with a fast picker', function () {
  this.timeout(60_000);

  for (const [label, weights] of [
    ['1 and 10', [10, 100]],
    ['1 heavy of 10', [100, ...new Array<number>(9).fill(10)]],
    ['2 heavy of 30', [100, 100, ...new Array<number>(28).fill(10)]],
  ] as const) {
    it(`are kept within a tenth: ${label}`, async () => {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const report = await simulate({
        clients: { perSecond: 1_000 },
        servers: { count: weights.length, slots: 1_000, work, weights },
        durationMs: 20_000,
      });
      const all = report.servers.reduce((sum, { attempts }) => sum + attempts, 0);
      const share = report.servers[weights.indexOf(100)]!.attempts / all;
      const due = 100 / total;
      assert.ok(Math.abs(share / due - 1) <= 0.1, `${(100 * share).toFixed(1)} %, ${(100 * due).toFixed(1)} % are due`);
    });
  }
});
