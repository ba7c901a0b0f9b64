import { createClient, createServer, defineService, direct, memory, method, stream } from '@org/rpc';

// All defaults are on: bounds, deadline, power of two choices, breaker, retry budget, throttle, the server's overload protection.
export const title = '@org/rpc';
export const note = 'all defaults on';
export const packages = ['@org/rpc'];
export const can = ['object', 'text', 'sum', 'binary', 'nodes', 'items', 'mixed'];

const Bench = defineService('bench', {
  echo: method({ idempotent: true }),
  sum: method({ idempotent: true }),
  items: stream(),
});

export async function serve(port) {
  const server = createServer({ registry: memory() });
  server.add(Bench, {
    echo: (value) => value,
    sum: (x, y) => x + y,
    items: async function* (bytes) {
      const item = Buffer.alloc(bytes, 7);
      for (;;) yield item;
    },
  });
  await server.listen({ port, host: '127.0.0.1' });
}

export async function connect(ports) {
  const client = createClient({ registry: direct(ports.map((port) => `127.0.0.1:${port}`)) });
  const bench = client.service(Bench);
  return {
    object: (value) => bench.echo(value),
    text: (value) => bench.echo(value),
    binary: (value) => bench.echo(value),
    sum: (x, y) => bench.sum(x, y),
    items: (bytes) => bench.items(bytes),
  };
}
