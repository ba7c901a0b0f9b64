import assert from 'node:assert/strict';
import { type CallContext, defineService, notify, RpcError } from '@org/rpc-core';
import { openShop } from './shop.js';
import { World } from './world.js';

describe('a one-way call', () => {
  it('resolves when it is written, not when its handler has ended', async () => {
    const done: unknown[] = [];
    await using open = openShop({
      handlers: {
        tell: async (event) => {
          await new Promise<void>((resolve) => open.clock.schedule(500, resolve));
          done.push(event);
        },
      },
    });
    assert.equal(await open.shop.tell('news'), undefined);
    assert.deepEqual(done, []);
    await open.clock.advance(500);
    assert.deepEqual(done, ['news']);
  });

  it('gives nothing back, whatever its handler returns', async () => {
    await using open = openShop({ handlers: { tell: () => 'an answer' } });
    assert.equal(await open.shop.tell('news'), undefined);
    assert.equal(open.client.state().services['shop']?.nodes[0]?.inFlight, 0);
  });

  it('knows nothing of what its handler throws, which the server has as an event', async () => {
    const thrown: unknown[] = [new Error('broken'), new RpcError('NOT_FOUND', 'no such shop'), null];
    await using open = openShop({
      handlers: {
        tell: (index) => {
          throw thrown[index as number];
        },
      },
    });
    for (const index of thrown.keys()) await open.shop.tell(index);
    await open.clock.advance(0);
    assert.deepEqual(open.handlerErrors, [
      'tell: Error: broken',
      'tell: RpcError: NOT_FOUND: no such shop',
      'tell: null',
    ]);
  });

  it('is never retried, not even when the call says that it may be', async () => {
    let calls = 0;
    const authorize = (_call: CallContext): void => {
      calls++;
      throw new RpcError('UNAVAILABLE', 'not now');
    };
    await using open = openShop({ server: { authorize } });
    await open.shop.with({ idempotent: true }).tell('news');
    await open.clock.advance(5_000);
    assert.equal(calls, 1);
  });

  it('is sent in the order of the calls around it', async () => {
    const order: unknown[] = [];
    await using open = openShop({ handlers: { tell: (event) => order.push(event), run: (job) => order.push(job) } });
    const [, , last] = [open.shop.tell(1), open.shop.run('2'), open.shop.run('3'), open.shop.tell(4)];
    await last;
    await open.clock.advance(0);
    assert.deepEqual(order, [1, '2', '3', 4]);
  });

  it('rejects when it cannot be written: not encodable, given up, no node in time', async () => {
    await using open = openShop();
    await assert.rejects(open.shop.tell({ at: [() => 1] }), {
      code: 'INVALID_ARGUMENT',
      message:
        'INVALID_ARGUMENT: shop.tell cannot be sent: value at $[0].at[0] is a function, which MessagePack cannot carry (at memory:1)',
      progress: 'unsent',
    });
    await assert.rejects(open.shop.with({ signal: AbortSignal.abort('enough') }).tell(1), { code: 'CANCELLED' });
    const world = new World();
    const News = defineService('news', { tell: notify<(event: string) => void>() });
    const late = world.client.service(News, { timeoutMs: 50 }).tell('news');
    await Promise.all([assert.rejects(late, { code: 'DEADLINE_EXCEEDED' }), world.clock.advance(50)]);
    await world.client.close();
  });
});

describe('an argument that cannot be encoded', () => {
  for (const [what, value, path] of [
    ['a function', { list: [1, { f: () => 1 }] }, '$[1].list[1].f'],
    ['a symbol', [Symbol('s')], '$[1][0]'],
  ] as const)
    it(`rejects its call with the path: ${what}`, async () => {
      await using open = openShop();
      await assert.rejects(open.shop.echo('first', value), (error: RpcError) => {
        assert.equal(error.code, 'INVALID_ARGUMENT');
        assert.ok(
          error.message.startsWith(`INVALID_ARGUMENT: shop.echo cannot be sent: value at ${path} is ${what}`),
          error.message,
        );
        return true;
      });
      assert.deepEqual(await open.shop.echo('fine'), ['fine'], 'the connection is as before');
    });

  it('rejects its call with the limit when it is too large', async () => {
    await using open = openShop({ server: { limits: { messageBytes: 1_024 } } });
    await open.shop.echo('greets');
    await assert.rejects(open.shop.echo('x'.repeat(2_000)), {
      code: 'RESOURCE_EXHAUSTED',
      message: /the request has \d+ bytes, the server takes 1024 \(limits\.messageBytes\)/,
      progress: 'unsent',
    });
  });
});
