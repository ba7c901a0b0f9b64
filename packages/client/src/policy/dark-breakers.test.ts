import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import { completeValues, POLICIES } from '@org/rpc-core/internal';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import type { BreakerTransition } from './breaker-group.js';
import { DarkBreakers } from './dark-breakers.js';

describe('dark breakers', () => {
  it('count for each instance, also where several are at one address, and anew after one would have opened', async () => {
    const told: BreakerTransition[] = [];
    const dark = new DarkBreakers({
      clock: new FakeClock(),
      random: seededRandom(1),
      valuesOf: () => completeValues(POLICIES.breaker, { minCalls: 5 }),
      tell: (opened) => told.push(opened),
    });
    const fail = async (id: string, count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
        call.startedAt = 1;
        dark.record({ address: 'h:1', endpoint: { id } }, call, 'failure', 2);
      }
      await new Promise((resolve) => setImmediate(resolve));
    };
    await fail('worker-1', 4);
    await fail('worker-2', 4);
    assert.equal(told.length, 0);
    await fail('worker-1', 1);
    await fail('worker-1', 4);
    assert.deepEqual(
      told.map(({ endpoint, method, state }) => [endpoint, method, state]),
      [['h:1', 'buy', 'open']],
    );
    await fail('worker-1', 1);
    assert.equal(told.length, 2);
    dark.close();
  });
});
