import assert from 'node:assert/strict';
import { configure } from '@org/rpc-client';
import { RpcError } from '@org/rpc-core';
import { openShop, Shop } from './shop.js';

describe('configure()', () => {
  it('refuses wrong limits when the client is made, not with the first call', () => {
    assert.throws(() => openShop({ client: { services: [configure(Shop, { rateLimit: { perSecond: 0 } })] } }), {
      name: 'TypeError',
      message: /^configure\(shop\): rateLimit: perSecond must be a number .*, got 0$/,
    });
  });

  it('sets retries for one method and leaves those of the others', async () => {
    const calls: string[] = [];
    const fails = (name: string) => (): never => {
      calls.push(name);
      throw new RpcError('UNAVAILABLE', 'not now', { retryAfterMs: 1 });
    };
    const services = [configure(Shop, { methods: { add: { retry: false } } })];
    await using open = openShop({ handlers: { add: fails('add'), echo: fails('echo') }, client: { services } });
    const failing = [open.shop.add(1), open.shop.with({ idempotent: true }).echo()];
    await Promise.all([
      ...failing.map((call) => assert.rejects(call, { code: 'UNAVAILABLE' })),
      open.clock.advance(50),
    ]);
    assert.deepEqual(calls.sort(), ['add', 'echo', 'echo', 'echo']);
  });

  it('limits at every level: the narrowest counts', async () => {
    const services = [configure(Shop, { concurrency: { max: 2 }, methods: { hang: { concurrency: { max: 1 } } } })];
    await using open = openShop({ client: { services, concurrency: { max: 3 } } });
    const { shop } = open;
    const first = assert.rejects(shop.hang());
    await assert.rejects(shop.hang(), { code: 'RESOURCE_EXHAUSTED', message: /shop\.hang/ });
    const second = assert.rejects(shop.slow());
    await assert.rejects(shop.slow(), { code: 'RESOURCE_EXHAUSTED', message: /service shop/ });
    await open.client.close();
    await Promise.all([first, second]);
  });
});
