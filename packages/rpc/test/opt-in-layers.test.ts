import assert from 'node:assert/strict';
import {
  callContext,
  coalesce,
  createServer,
  defineService,
  memory,
  method,
  resultCache,
  type ServerOptions,
} from '@org/rpc';
import { connect } from '@org/rpc-testkit';

const Catalog = defineService('catalog', {
  find: method<(id: string) => Promise<object>>({ idempotent: true }),
});

function aServer(options: ServerOptions = {}) {
  let asked = 0;
  const server = createServer({ registry: memory(), ...options }).add(Catalog, {
    find: async (id) => {
      asked++;
      await new Promise(setImmediate);
      return { id, for: callContext()?.peer.identity ?? 'nobody', at: new Date(5), bytes: Buffer.from('ab') };
    },
  });
  return { server, asked: () => asked };
}

describe('layers that users may put in', () => {
  it('make one call of many, and then none, in a client', async () => {
    const { server, asked } = aServer();
    const cache = resultCache({ methods: ['catalog.find'], ttlMs: 60_000 });
    await using client = connect(server, { layers: { unary: [cache.layer, coalesce()] } });
    const catalog = client.service(Catalog);
    const found = { id: 'tea', for: 'nobody', at: new Date(5), bytes: Buffer.from('ab') };
    assert.deepEqual(await Promise.all([catalog.find('tea'), catalog.find('tea'), catalog.find('tea')]), [
      found,
      found,
      found,
    ]);
    assert.deepEqual(await catalog.find('tea'), found);
    assert.equal(asked(), 1);
  });

  for (const [what, layer] of [
    ['remember for each of its callers', () => resultCache({ methods: ['catalog.find'], ttlMs: 60_000 }).layer],
    ['share an answer among calls of one of its callers', () => coalesce()],
  ] as const) {
    it(`${what}, in a server`, async () => {
      const authenticate = (_: unknown, token: string | undefined): string | undefined => token;
      const { server, asked } = aServer({ authenticate, layers: { unary: [layer()] } });
      await using ann = connect(server, { token: 'ann' });
      await using bob = connect(server, { token: 'bob' });
      const [annFinds, bobFinds] = [ann.service(Catalog).find, bob.service(Catalog).find];
      await Promise.all([annFinds('warm'), bobFinds('up')]);
      const before = asked();
      const found = await Promise.all([annFinds('tea'), annFinds('tea'), bobFinds('tea')]);
      if (what.startsWith('remember')) await Promise.all([annFinds('tea'), bobFinds('tea')]);
      assert.deepEqual(
        found.map((each) => (each as { for?: string }).for),
        ['ann', 'ann', 'bob'],
      );
      assert.ok(asked() - before <= 3);
    });
  }
});
