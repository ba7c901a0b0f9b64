import { defineService, method, notify, type ServiceClient, type ServiceHandlers } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect, FakeClock, seededRandom } from '@org/rpc-testkit';
import type { ServerEvents } from '../src/face/events.js';
import type { ServerOptions } from '../src/face/options.js';
import { createServer } from '../src/face/server.js';
import type { Server } from '../src/face/server-types.js';

/** A contract for whatever a test lets the handlers do. */
export const Work = defineService('work', {
  run: method<(...args: unknown[]) => unknown>(),
  safe: method<(...args: unknown[]) => unknown>({ idempotent: true }),
  tell: notify<(...args: unknown[]) => void>(),
});

/** A server in memory and a client of it, on one fake clock. */
export interface Bench extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly server: Server;
  readonly work: ServiceClient<typeof Work>;
  /** What the handlers kept to themselves. */
  readonly errors: ServerEvents['handlerError'][0][];
}

/** Sets up a bench; what is not given answers with its arguments. Disposing of it closes the client. */
export function setUp(handlers: Partial<ServiceHandlers<typeof Work>> = {}, options: ServerOptions = {}): Bench {
  const clock = new FakeClock(1_000);
  const server = createServer({ registry: memory(), clock, ...options });
  const echo = (...args: unknown[]): unknown => args;
  server.add(Work, { run: echo, safe: echo, tell: echo, ...handlers });
  const errors: Bench['errors'] = [];
  server.on('handlerError', (event) => errors.push(event));
  const client = connect(server, { clock, random: seededRandom(1) });
  return { clock, server, errors, work: client.service(Work), [Symbol.asyncDispose]: () => client.close() };
}
