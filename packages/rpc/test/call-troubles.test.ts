import assert from 'node:assert/strict';
import { createServer, memory } from '@org/rpc';
import { askTroubles, type CallTrouble, defineService, method, RpcError } from '@org/rpc-core';
import { connect } from '@org/rpc-testkit';

const Shop = defineService('shop', {
  find: method<(id: string) => string>({ idempotent: true }),
  buy: method<() => Promise<string>>(),
});

function rows(client: string): (readonly unknown[])[] {
  return askTroubles(1_000)
    .filter((row) => row.client === client)
    .map(({ what, method: name, code, count }: CallTrouble) => [what, name, code, count]);
}

describe('what goes wrong with the calls of a client', () => {
  it('is counted by code and culprit, and what went well is not', async () => {
    const server = createServer({ registry: memory() }).add(Shop, {
      find: (id) => {
        if (id === 'gone') throw new RpcError('NOT_FOUND', 'no');
        return id;
      },
      buy: () => new Promise(() => {}),
    });
    await using client = connect(server, { name: 'till', concurrency: { max: 1, queue: 0 } });
    const shop = client.service(Shop);
    await shop.find('tea');
    assert.deepEqual(rows('till'), []);
    for (let n = 0; n < 2; n++) await assert.rejects(shop.find('gone'), { code: 'NOT_FOUND' });
    const slow = assert.rejects(shop.with({ timeoutMs: 60 }).buy(), { code: 'DEADLINE_EXCEEDED' });
    await assert.rejects(shop.find('tea'), { code: 'RESOURCE_EXHAUSTED' });
    await slow;
    assert.deepEqual(rows('till'), [
      ['failed', 'find', 'NOT_FOUND', 2],
      ['limited', 'find', undefined, 1],
      ['failed', 'find', 'RESOURCE_EXHAUSTED', 1],
      ['failed', 'buy', 'DEADLINE_EXCEEDED', 1],
    ]);
    const [gone, limited, late] = askTroubles(1_000).filter((row) => row.client === 'till' && row.what === 'failed');
    assert.deepEqual([gone!.culprit, gone!.refusedBy, limited!.culprit], [undefined, undefined, 'limits']);
    assert.equal(typeof late!.culprit, 'string');
    assert.match(limited!.refusedBy!, /limit|at once|1/);
    await client.close();
    assert.deepEqual(rows('till'), []);
  });
});
