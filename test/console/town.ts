// A small town for the console: a real etcd, three servers, of which one is slow, and two callers.
import { callContext, createClient, createServer, etcd, roundRobin, type Server } from '@org/rpc';
import { defineService, duplex, method, RpcError, stream } from '@org/rpc-core';
import { z } from 'zod';
import { type EtcdServer, startEtcd } from '../../packages/registry-etcd/test/etcd-fixture.js';

/** The token of the servers. */
export const OPERATOR_TOKEN = 'operators-of-the-town';

/** The slow one of the three, and how long its calls take. */
export const SLOW = 'shop-3';
const SLOW_MS = 60;

const Shop = defineService('shop', {
  find: method({ args: [z.string()], returns: z.object({ id: z.string(), price: z.number() }), idempotent: true }),
  buy: method({ args: [z.object({ id: z.string(), count: z.number().int() })], returns: z.string() }),
  watch: stream<() => AsyncIterable<number>>(),
  price: duplex<(ids: AsyncIterable<string>) => AsyncIterable<string>>(),
});
const Stock = defineService('stock', { count: method<(id: string) => number>({ idempotent: true }) });

/** A town that runs, until `close`. */
export interface Town {
  readonly etcd: EtcdServer;
  readonly servers: ReadonlyMap<string, Server>;
  /** How many calls of `shop.find` each instance has begun. */
  readonly begun: ReadonlyMap<string, number>;
  /** How many calls of `shop.find` have taken longer. */
  slower(ms: number): number;
  /** Begins with the calls. */
  traffic(): void;
  /** Makes no more calls; those that run may end. */
  quiet(): void;
  close(): Promise<void>;
}

/** Starts everything but the calls. */
export async function startTown(): Promise<Town> {
  const store = await startEtcd();
  const registry = etcd({ hosts: [store.url] });
  const begun = new Map<string, number>();
  const durations: number[] = [];
  const servers = new Map<string, Server>();
  for (const [name, zone, version] of [
    ['shop-1', 'a', '1.4.0'],
    ['shop-2', 'b', '1.4.0'],
    ['shop-3', 'b', '1.5.0-rc.1'],
  ] as const) {
    const operator = { token: OPERATOR_TOKEN };
    const concurrency = { max: 500, queue: 50 };
    const server = createServer({ registry, name, zone, version, operator, reflection: true, concurrency });
    server.add(Shop, {
      find: async (id) => {
        const beganAt = performance.now();
        begun.set(name, (begun.get(name) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, name === SLOW ? SLOW_MS : 4 + Math.random() * 8));
        durations.push(performance.now() - beganAt);
        return { id, price: 7 };
      },
      buy: async ({ id, count }) => {
        if (id === 'gone') throw new RpcError('NOT_FOUND', `there is no ${id}`);
        return `${count} of ${id}`;
      },
      async *price(ids) {
        for await (const id of ids) yield `${id} costs 7`;
      },
      async *watch() {
        for (let i = 1; !callContext()!.signal.aborted; i++) {
          yield i;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      },
    });
    if (name !== SLOW) server.add(Stock, { count: () => 3 });
    await server.listen({ host: '127.0.0.1', port: 0 });
    await server.registered;
    servers.set(name, server);
  }
  const clients = ['checkout', 'gateway'].map((name) => createClient({ registry, name, balancer: roundRobin() }));
  let timers: NodeJS.Timeout[] = [];
  const quiet = (): void => {
    for (const timer of timers) clearInterval(timer);
    timers = [];
  };
  return {
    etcd: store,
    servers,
    begun,
    slower: (ms) => durations.filter((each) => each > ms).length,
    traffic() {
      timers = clients.map((client, index) =>
        setInterval(() => {
          const shop = client.service(Shop);
          shop.find('tea').catch(() => {});
          if (index === 0) shop.buy({ id: Math.random() < 0.2 ? 'gone' : 'tea', count: 1 }).catch(() => {});
          client
            .service(Stock)
            .count('tea')
            .catch(() => {});
        }, 20),
      );
    },
    quiet,
    async close() {
      quiet();
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all([...servers.values()].map((server) => server.close({ drainMs: 0, graceMs: 0 })));
      await store.stop();
    },
  };
}
