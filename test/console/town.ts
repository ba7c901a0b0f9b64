// A small town for the console: a real etcd, three servers and two callers with calls of every kind, one of them under a name that is an attempt at XSS.
import { createClient, createServer, etcd, type Server } from '@org/rpc';
import { defineService, method, RpcError, stream } from '@org/rpc-core';
import { z } from 'zod';
import { type EtcdServer, startEtcd } from '../../packages/registry-etcd/test/etcd-fixture.js';

/** The token of the servers. */
export const OPERATOR_TOKEN = 'operators-of-the-town';

/** A caller's name that would run, if it were ever taken for HTML. */
export const HOSTILE = '<img src=x onerror="window.hacked=1">';

const Shop = defineService('shop', {
  find: method({ args: [z.string()], returns: z.object({ id: z.string(), price: z.number() }), idempotent: true }),
  buy: method({ args: [z.object({ id: z.string(), count: z.number().int() })], returns: z.string() }),
  watch: stream<() => AsyncIterable<number>>(),
});
const Stock = defineService('stock', { count: method<(id: string) => number>({ idempotent: true }) });

/** A town that runs, until `close`. */
export interface Town {
  readonly etcd: EtcdServer;
  readonly servers: ReadonlyMap<string, Server>;
  /** How many calls of `shop` each instance has begun. */
  readonly begun: ReadonlyMap<string, number>;
  /** How many calls of `shop.find` have ended, and how many of them in an error. */
  readonly ended: { well: number; failed: number };
  close(): Promise<void>;
}

/** Starts everything. */
export async function startTown(): Promise<Town> {
  const store = await startEtcd();
  const registry = etcd({ hosts: [store.url] });
  const begun = new Map<string, number>();
  const ended = { well: 0, failed: 0 };
  const servers = new Map<string, Server>();
  for (const [name, zone, version] of [
    ['shop-1', 'a', '1.4.0'],
    ['shop-2', 'b', '1.4.0'],
    ['shop-3', 'b', '1.5.0-rc.1'],
  ] as const) {
    const server = createServer({
      registry,
      name,
      zone,
      version,
      operator: { token: OPERATOR_TOKEN },
      reflection: true,
    });
    server.add(Shop, {
      find: async (id) => {
        begun.set(name, (begun.get(name) ?? 0) + 1);
        // The third one is slow.
        await new Promise((resolve) => setTimeout(resolve, name === 'shop-3' ? 60 : 4 + Math.random() * 8));
        return { id, price: 7 };
      },
      buy: async ({ id, count }) => {
        if (id === 'gone') throw new RpcError('NOT_FOUND', `there is no ${id}`);
        return `${count} of ${id}`;
      },
      async *watch() {
        yield 1;
      },
    });
    if (name !== 'shop-3') server.add(Stock, { count: () => 3 });
    await server.listen({ host: '127.0.0.1', port: 0 });
    await server.registered;
    servers.set(name, server);
  }
  const clients = ['checkout', 'gateway'].map((name) => createClient({ registry, name }));
  const hostile = createClient({ registry, name: 'hostile' });
  // What a client that is not ours may say of itself.
  const timers = clients.map((client, index) =>
    setInterval(() => {
      const shop = client.service(Shop);
      shop.find('tea').then(
        () => void ended.well++,
        () => void ended.failed++,
      );
      if (index === 0) shop.buy({ id: Math.random() < 0.2 ? 'gone' : 'tea', count: 1 }).catch(() => {});
      client
        .service(Stock)
        .count('tea')
        .catch(() => {});
    }, 20),
  );
  return {
    etcd: store,
    servers,
    begun,
    ended,
    async close() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all([...clients, hostile].map((client) => client.close()));
      await Promise.all([...servers.values()].map((server) => server.close({ drainMs: 0, graceMs: 0 })));
      await store.stop();
    },
  };
}
