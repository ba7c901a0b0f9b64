import assert from 'node:assert/strict';
import { isRpcError } from '@org/rpc-core';
import { openShop } from './shop.js';

/** How often each code, or `ok`, came of calls that were made at once. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status, ...rest } of await Promise.allSettled(calls)) {
    const reason = 'reason' in rest ? rest.reason : undefined;
    const outcome = status === 'fulfilled' ? 'ok' : isRpcError(reason) ? reason.code : String(reason);
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

describe('a call that finds every connection full', function () {
  this.timeout(30_000);

  it('waits for room: five thousand at once to one node all succeed', async () => {
    await using open = openShop({});
    const calls = Array.from({ length: 5_000 }, (_, index) => open.shop.add(index, 1));
    assert.deepEqual(await outcomes(calls), { ok: 5_000 });
  });

  it('waits no longer than its deadline', async () => {
    const limits = { callsInFlight: 10 };
    await using open = openShop({ client: { limits, retry: false } });
    const hanging = Array.from({ length: 10 }, () => open.shop.hang().catch(() => 'given up'));
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = open.shop.slow();
    const ended = assert.rejects(waiting, { code: 'DEADLINE_EXCEEDED', progress: 'unsent' });
    await open.clock.advance(301);
    await ended;
    await open.clock.advance(1_000);
    assert.deepEqual(new Set(await Promise.all(hanging)), new Set(['given up']));
  });

  it('is refused when as many wait as are in flight: what waits has a bound', async () => {
    const limits = { callsInFlight: 10 };
    await using open = openShop({ client: { limits, retry: false } });
    await open.shop.add(1, 1);
    const calls = Array.from({ length: 25 }, () => open.shop.hang());
    const counted = outcomes(calls);
    await new Promise((resolve) => setImmediate(resolve));
    await open.clock.advance(2_000);
    assert.deepEqual(await counted, { DEADLINE_EXCEEDED: 20, RESOURCE_EXHAUSTED: 5 });
  });
});
