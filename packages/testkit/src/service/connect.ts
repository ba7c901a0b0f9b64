import type { Client, ClientOptions } from '@org/rpc-client';
import { RpcClient, resolveClientOptions } from '@org/rpc-client/internal';
import type { Registry } from '@org/rpc-registry';
import type { Server } from '@org/rpc-server';
import { RpcServer } from '@org/rpc-server/internal';
import { memoryPair } from '@org/rpc-wire/internal';

/**
 * A client whose calls reach a server in the same process: no port, no registry, and everything else as it is in production,
 * encoding included. The server need not listen. Close the client when done.
 *
 * @param options - of the client, see `createClient`; `registry` is ignored
 * @throws TypeError when the server was not made by `createServer`
 * @example
 * ```ts
 * const client = connect(server);
 * assert.equal(await client.service(Calculator).sum(1, 2), 3);
 * await client.close();
 * ```
 */
export function connect(server: Server, options: ClientOptions = {}): Client {
  if (!(server instanceof RpcServer)) throw new TypeError('connect: the server must be one that createServer() made');
  return new RpcClient(resolveClientOptions({ ...options, registry: onlyInstance(server.instance) }), async () => {
    const [clientEnd, serverEnd] = memoryPair();
    server.accept(serverEnd);
    return clientEnd;
  });
}

/** A registry in which every service has the one instance. */
function onlyInstance(id: string): Registry {
  const endpoint = { id, host: 'memory', port: 1, weight: 100, state: 'up' } as const;
  return {
    display: 'memory',
    drainLeadMs: 0,
    open: () => ({
      watch(_service, publish) {
        let closed = false;
        queueMicrotask(() => {
          if (!closed) publish({ endpoints: [endpoint], fresh: true, gone: [] });
        });
        return {
          close: () => {
            closed = true;
          },
        };
      },
      register() {
        throw new TypeError('connect: a client does not register');
      },
      services: async () => [],
      close: async () => {},
    }),
  };
}
