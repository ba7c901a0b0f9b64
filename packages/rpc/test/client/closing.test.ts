import assert from 'node:assert/strict';
import { RpcError } from '@org/rpc-core';
import { openShop } from './shop.js';

const closed = { code: 'UNAVAILABLE', message: /closed/ };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a client that is closed', () => {
  it('ends the wait for a rate limit at once', async () => {
    await using open = openShop({ client: { rateLimit: { perSecond: 0.1, burst: 1 }, timeoutMs: 60_000 } });
    await open.shop.add(1);
    const waiting = open.shop.add(2);
    await turn();
    void open.client.close();
    await assert.rejects(waiting, { ...closed, progress: 'unsent' });
  });

  it('ends the wait for a permit at once', async () => {
    await using open = openShop({ client: { concurrency: { max: 1, queue: 1 }, timeoutMs: 60_000 } });
    const running = open.shop.hang();
    const waiting = open.shop.add(2);
    const both = [assert.rejects(running, closed), assert.rejects(waiting, closed)];
    await turn();
    void open.client.close();
    await Promise.all(both);
  });

  it('ends the wait for the time that a server asks for at once, with how far the attempt got', async () => {
    const add = (): number => {
      throw new RpcError('UNAVAILABLE', 'busy', { retryAfterMs: 10_000 });
    };
    await using open = openShop({ handlers: { add }, client: { timeoutMs: 60_000 } });
    const waiting = assert.rejects(open.shop.add(1), { ...closed, progress: 'processed' });
    while (open.client.state().services['shop']?.nodes[0]?.inFlight !== 0) await turn();
    for (let i = 0; i < 20; i++) await turn();
    void open.client.close();
    await waiting;
  });

  it('ends the wait for its own metadata function at once', async () => {
    const metadata = (): Promise<never> => new Promise(() => {});
    await using open = openShop({ client: { metadata, timeoutMs: 60_000 } });
    const waiting = assert.rejects(open.shop.add(1), closed);
    await turn();
    void open.client.close();
    await waiting;
  });

  it('leaves no timer behind', async () => {
    await using open = openShop({ client: { rateLimit: { perSecond: 0.1, burst: 1 }, timeoutMs: 60_000 } });
    await open.shop.add(1);
    const waiting = assert.rejects(open.shop.add(2), closed);
    const before = open.clock.pending;
    await open.client.close();
    await waiting;
    assert.ok(open.clock.pending < before);
  });

  it('fails a stream at its first item and not before, as everything that goes wrong with a stream', async () => {
    await using open = openShop();
    const { orders } = open.shop;
    const made = orders(1);
    await open.client.close();
    const later = orders(2);
    await turn();
    await assert.rejects(async () => {
      for await (const _ of later) assert.fail();
    }, closed);
    await assert.rejects(made[Symbol.asyncIterator]().next(), closed);
  });
});
