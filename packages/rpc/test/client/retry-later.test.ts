import assert from 'node:assert/strict';
import { createClient } from '@org/rpc-client';
import { defineService, notify } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';

const Audit = defineService('audit', { record: notify<(entry: string) => void>() });

describe('retryLater', () => {
  it('sends one-way calls that were made while there was no server, in order, when there is one', async () => {
    const registry = memory();
    const client = createClient({ registry, retryLater: true });
    const audit = client.service(Audit);
    for (const entry of ['a', 'b', 'c']) await audit.record(entry);
    const got: string[] = [];
    let arrived!: () => void;
    const three = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const server = createServer({ registry }).add(Audit, {
      record: (entry) => {
        if (got.push(entry) === 3) arrived();
      },
    });
    await server.listen();
    await three;
    assert.deepEqual(got, ['a', 'b', 'c']);
    await client.close();
    await server.close();
  });

  it('tells what is left when the client closes', async () => {
    const client = createClient({ registry: memory(), retryLater: true });
    const dropped: unknown[] = [];
    client.on('dropped', ({ method, count, reason }) => dropped.push([method, count, reason]));
    await client.service(Audit).record('a');
    await client.service(Audit).record('b');
    await client.close();
    assert.deepEqual(dropped, [['record', 2, 'closed']]);
  });
});
