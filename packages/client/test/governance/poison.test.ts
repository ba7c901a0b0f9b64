import assert from 'node:assert/strict';
import { simulate, uniformTime } from '@org/rpc-testkit';
import { testRows } from './row.js';
import { POISON } from './rows/poison.js';

describe('a call that brings down the node that runs it', function () {
  this.timeout(60_000);

  testRows(POISON);

  it('is no reason to stop for nodes that live: they are slow, and answer a PING', async () => {
    const report = await simulate({
      clients: { perSecond: 5 },
      servers: { count: 4, slots: 4, work: uniformTime(5, 15) },
      faults: [{ kind: 'slow', servers: [0, 1, 2], ms: 2_000, fromMs: 20_000, untilMs: 20_600 }],
      durationMs: 25_000,
    });
    assert.equal(report.failures, 0);
  });
});
