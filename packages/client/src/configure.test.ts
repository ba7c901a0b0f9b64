import assert from 'node:assert/strict';
import { RpcError } from '@org/rpc-core';
import { openShop, Shop } from '../test/shop.js';
import { configure } from './configure.js';

describe('configure()', () => {
  const wrong: readonly [options: unknown, message: string][] = [
    [{ timeout: 5 }, 'configure(shop): unknown option "timeout"; did you mean "timeoutMs"?'],
    [{ timeoutMs: 0 }, 'configure(shop): timeoutMs must be a number from 1 to 2147483647, got 0'],
    [{ methods: { ad: {} } }, 'configure(shop): the service has no method "ad"; did you mean "add"?'],
    [{ methods: { frobnicate: {} } }, 'configure(shop): the service has no method "frobnicate"'],
    [{ methods: { add: { retries: 1 } } }, 'configure(shop): add: unknown option "retries"; did you mean "retry"?'],
    [
      { methods: { add: { retry: { max: -1 } } } },
      'configure(shop): add: retry: max must be an integer from 0 to 10, got -1',
    ],
    [{ methods: { add: 5 } }, 'configure(shop): add: options must be an object, got 5'],
    [{ methods: 5 }, 'configure(shop): methods must be an object, got 5'],
    [null, 'configure(shop): options must be an object, got null'],
  ];
  for (const [options, message] of wrong)
    it(`refuses what makes no sense: ${message}`, () => {
      assert.throws(() => configure(Shop, options as never), { name: 'TypeError', message });
    });

  it('wants a contract', () => {
    assert.throws(() => configure({ name: 'shop' } as never, {}), {
      name: 'TypeError',
      message: 'configure: expected a service definition made by defineService(), got an object',
    });
  });

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
