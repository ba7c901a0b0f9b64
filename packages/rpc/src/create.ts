import { type Client, type ClientOptions, createClient as createCoreClient } from '@org/rpc-client';
import { assertObject } from '@org/rpc-core/internal';
import { createServer as createCoreServer, type Server, type ServerOptions } from '@org/rpc-server';
import { registryFrom } from './registry-from.js';

/**
 * Makes a client. Does no I/O: the first use of a service does.
 *
 * @throws TypeError for a wrong option, naming option, value and bound
 * @example
 * ```ts
 * const client = createClient({ registry: etcd({ hosts: ['http://127.0.0.1:2379'] }) });
 * const calculator = client.service(Calculator);
 * await calculator.sum(1, 2);
 * await client.close();
 * ```
 */
export function createClient(options: ClientOptions = {}): Client {
  return createCoreClient(withRegistry('createClient', options));
}

/**
 * Makes a server. Does no I/O: `listen` does.
 *
 * @throws TypeError for a wrong option, naming option, value and bound
 * @example
 * ```ts
 * const server = createServer({ registry: etcd({ hosts: ['http://127.0.0.1:2379'] }), signals: ['SIGTERM', 'SIGINT'] });
 * server.add(Calculator, { sum: (x, y) => x + y });
 * await server.listen({ port: 4399 });
 * ```
 */
export function createServer(options: ServerOptions = {}): Server {
  return createCoreServer(withRegistry('createServer', options));
}

function withRegistry<O extends ClientOptions | ServerOptions>(where: string, options: O): O {
  const given: unknown = options;
  assertObject(where, 'options', given);
  // A client of a server of its own process looks for it nowhere.
  if ('server' in options && options.server !== undefined) return options;
  return { ...options, registry: registryFrom(options.registry, where) };
}
