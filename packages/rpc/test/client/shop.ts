import type { Client, ClientOptions } from '@org/rpc-client';
import { defineService, method, notify, type ServiceClient, type ServiceHandlers, stream } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer, type Server, type ServerOptions } from '@org/rpc-server';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';

/** A contract with a method of each kind that a test of calls may want. */
export const Shop = defineService('shop', {
  add: method<(x: number, y?: number, z?: number) => number>({ idempotent: true }),
  echo: method<(...values: unknown[]) => unknown>(),
  nothing: method<() => void>(),
  run: method<(job: string) => unknown>(),
  hang: method<() => Promise<never>>(),
  slow: method<() => Promise<never>>({ timeoutMs: 300 }),
  tell: notify<(event: unknown) => void>(),
  orders: stream<(limit: number) => AsyncIterable<number>>(),
});

/** The functions of a {@link Shop} that a test gives itself. */
export type ShopHandlers = Partial<ServiceHandlers<typeof Shop>>;

/** What a test of calls may say of both sides. */
export interface ShopOptions {
  readonly handlers?: ShopHandlers | undefined;
  readonly client?: ClientOptions | undefined;
  readonly server?: ServerOptions | undefined;
  /** Left out: one of its own. */
  readonly clock?: FakeClock | undefined;
}

const never = (): Promise<never> => new Promise(() => {});

/** A shop, a client of it, and the clock of both. */
export interface OpenShop extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly server: Server;
  readonly client: Client;
  readonly shop: ServiceClient<typeof Shop>;
  /** The errors that handlers kept to themselves, as `method: text`. */
  readonly handlerErrors: string[];
}

/** Opens a shop in memory. Closes its client when it is disposed of. */
export function openShop(options: ShopOptions = {}): OpenShop {
  const clock = options.clock ?? new FakeClock(1_000);
  const server = createServer({ registry: memory(), clock, ...options.server });
  server.add(Shop, {
    add: (x, y = 10, z = 100) => x + y + z,
    echo: (...values) => values,
    nothing: () => {},
    run: (job) => job,
    hang: never,
    slow: never,
    tell: () => {},
    async *orders() {},
    ...options.handlers,
  });
  const handlerErrors: string[] = [];
  server.on('handlerError', ({ method, error }) => handlerErrors.push(`${method}: ${error}`));
  // The service has a stream, which unary layers alone would not see.
  const layers = options.client?.layers && { stream: [], ...options.client.layers };
  const client = connect(server, { clock, random: seededRandom(1), ...options.client, layers });
  return {
    clock,
    server,
    client,
    shop: client.service(Shop),
    handlerErrors,
    [Symbol.asyncDispose]: () => client.close(),
  };
}
