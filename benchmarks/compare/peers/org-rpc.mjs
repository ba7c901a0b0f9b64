import { createClient, createServer, defineService, direct, memory, method, RpcError, stream } from '@org/rpc';
import { NO_SUCH } from '../values.mjs';

// All defaults are on: bounds, deadline, power of two choices, breaker, retry budget, throttle, the server's overload protection.
export const title = '@org/rpc';
export const note = 'all defaults on';
export const packages = ['@org/rpc'];
export const can = ['object', 'text', 'sum', 'binary', 'nodes', 'items', 'mixed', 'errors'];

/** The contract of the one service that is called, and of those that are only there. */
function contract(name, methods = 0) {
  const others = Object.fromEntries(Array.from({ length: methods }, (_, i) => [`other${i}`, method()]));
  return defineService(name, {
    ...others,
    echo: method({ idempotent: true }),
    sum: method({ idempotent: true }),
    checked: method({ idempotent: true }),
    items: stream(),
  });
}

/** @param {{ services?: number, methods?: number }} scenario how many there are besides those that are called */
export async function serve(port, { services = 0, methods = 0 }) {
  // Several servers of one process are nodes of one service.
  const server = createServer({ registry: memory(), limits: { connections: 20_000 } });
  const handlers = {
    echo: (value) => value,
    sum: (x, y) => x + y,
    checked: (x, y) => {
      // A code that counts against the node: load, breaker and ejection see it.
      if (x === 0) throw new RpcError('INTERNAL', NO_SUCH);
      return x + y;
    },
    items: async function* (bytes) {
      const item = Buffer.alloc(bytes, 7);
      for (;;) yield item;
    },
    ...Object.fromEntries(Array.from({ length: methods }, (_, i) => [`other${i}`, () => undefined])),
  };
  server.add(contract('bench', methods), handlers);
  for (let i = 0; i < services; i++) server.add(contract(`other${i}`, methods), handlers);
  await server.listen({ port, host: '127.0.0.1' });
}

/**
 * @param {{ services?: number, methods?: number, idle?: number }} scenario besides what a server has: connections that do nothing

 */
export async function connect(ports, { services = 0, methods = 0, idle = 0 }) {
  const registry = direct(ports.map((port) => `127.0.0.1:${port}`));
  const client = createClient({ registry });
  const bench = client.service(contract('bench', methods));
  // Each is called once, so that the client knows it: its methods, limits and breakers.
  for (let i = 0; i < services; i++) await client.service(contract(`other${i}`, methods)).sum(1, 2);
  for (let i = 0; i < methods; i++) await bench[`other${i}`]();
  for (let i = 0; i < idle; i++) await createClient({ registry }).service(contract('bench')).sum(1, 2);
  return {
    object: (value) => bench.echo(value),
    text: (value) => bench.echo(value),
    binary: (value) => bench.echo(value),
    sum: (x, y) => bench.sum(x, y),
    checked: (x, y) => bench.checked(x, y),
    items: (bytes) => bench.items(bytes),
  };
}
