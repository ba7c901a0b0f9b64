import assert from 'node:assert/strict';
import { createClient } from '@org/rpc-client';
import { defineService, isRpcError, method, stream, systemClock, systemRandom } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import { eventually } from '@org/rpc-testkit';

const Feed = defineService('feed', {
  numbers: stream<() => AsyncIterable<number>>(),
  ping: method<() => string>(),
});

describe('rules and streams', () => {
  it('of a switched-off method are not opened', async () => {
    const registry = memory();
    const server = createServer({ registry });
    let opened = 0;
    server.add(Feed, {
      async *numbers() {
        opened++;
        yield 1;
      },
      ping: () => 'pong',
    });
    await server.listen();
    const client = createClient({ registry });
    const tools = registry.open({ namespace: 'default', clock: systemClock, random: systemRandom });
    const applied = new Promise<void>((resolve) => client.on('rulesApplied', () => resolve()));
    await client.ready(Feed);
    const methods = { numbers: { enabled: false, message: 'closed' } };
    await tools.rulesStore?.set('feed', { schemaVersion: 1, switch: { mode: 'on', methods } }, 0);
    await eventually(applied, () => 'the rules were not applied');
    const isClosed = (error: unknown): boolean => isRpcError(error, 'UNAVAILABLE') && /: closed$/.test(error.reason);
    await assert.rejects(async () => {
      for await (const _ of client.service(Feed).numbers());
    }, isClosed);
    assert.equal(opened, 0);
    assert.equal(await client.service(Feed).ping(), 'pong');
    await Promise.all([client.close(), tools.close()]);
    await server.close({ drainMs: 0, graceMs: 0 });
  });
});
