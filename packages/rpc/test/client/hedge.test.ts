import assert from 'node:assert/strict';
import { createClient } from '@org/rpc-client';
import { callContext, defineService, method } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';

const Search = defineService('search', { find: method<() => Promise<string>>({ idempotent: true }) });

describe('a hedged call', () => {
  it('is answered by another server, and the slow one learns why it may stop', async () => {
    const registry = memory();
    let stopped!: (reason: unknown) => void;
    const whyStopped = new Promise((resolve) => {
      stopped = resolve;
    });
    let slowCalls = 0;
    const slow = createServer({ registry, name: 'slow' }).add(Search, {
      find: () => {
        slowCalls++;
        const { signal } = callContext()!;
        return new Promise<string>((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            stopped(signal.reason);
            reject(signal.reason);
          });
        });
      },
    });
    const fast = createServer({ registry, name: 'fast' }).add(Search, { find: async () => 'fast' });
    await slow.listen();
    await fast.listen();
    const client = createClient({ registry, hedge: { delayMs: 1, maxPercent: 100 }, retryBudget: { percent: 100 } });
    await client.ready(Search);
    while (slowCalls === 0) assert.equal(await client.service(Search).find(), 'fast');
    assert.match(String(await whyStopped), /another attempt of the call was faster \(hedge lost\)/);
    await client.close();
    await Promise.all([slow.close(), fast.close()]);
  });
});
