// A process of the check of dashboards and alerts: a server (`shop.ts server`) or a client of two (`shop.ts client ENDPOINT...`), with its
// metrics on a port that it tells its parent. Ends with its parent.
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, createServer, defineService, direct, memory, method, RpcError } from '@org/rpc';
import { prometheus } from '@org/rpc-telemetry';
import { Registry } from 'prom-client';

const Shop = defineService('shop', {
  price: method<(item: string) => number>({ idempotent: true }),
  buy: method<(item: string) => string>(),
});

process.once('disconnect', () => process.exit());
const register = new Registry();
const http = createHttpServer(async (_request, response) => {
  response.setHeader('content-type', register.contentType).end(await register.metrics());
});
await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
const metricsPort = (http.address() as AddressInfo).port;
const [role, ...endpoints] = process.argv.slice(2);

if (role === 'server') {
  let sold = 0;
  const server = createServer({ registry: memory(), concurrency: { max: 8, queue: 100 } }).add(Shop, {
    price: async (item) => {
      await sleep(2);
      return item.length;
    },
    buy: (item) => {
      if (sold++ % 50 === 49) throw new RpcError('ABORTED', 'sold out');
      return item;
    },
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  prometheus({ register, servers: [server] });
  process.send?.({ port, metricsPort });
} else {
  const client = createClient({ registry: direct(endpoints) });
  prometheus({ register, clients: [client] });
  const shop = client.service(Shop);
  process.send?.({ metricsPort });
  for (;;) {
    await Promise.all([shop.price('apple').catch(() => {}), shop.buy('pear').catch(() => {}), sleep(5)]);
  }
}
