import { type Client, type ClientOptions, createClient } from '@org/rpc-client';
import type { Server } from '@org/rpc-server';
import { RpcServer } from '@org/rpc-server/internal';

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
  return createClient({ ...options, registry: undefined, server });
}
