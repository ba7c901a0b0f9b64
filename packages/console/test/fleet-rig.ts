import { callContext, createClient, createServer, memory, type ServerOptions } from '@org/rpc';
import { defineService, duplex, method, stream, systemClock, systemRandom, upload } from '@org/rpc-core';
import { z } from 'zod';
import { type FleetOptions, openFleet } from '../src/fleet/fleet.js';

/** What the servers of the rig serve. */
export const Shop = defineService('shop', {
  find: method({ args: [z.string()], returns: z.object({ id: z.string() }), idempotent: true }),
  fail: method<() => void>(),
  ticks: stream<(upTo: number) => AsyncIterable<number>>(),
  sum: upload<(numbers: AsyncIterable<number>, start: number) => Promise<number>>(),
  double: duplex<(numbers: AsyncIterable<number>) => AsyncIterable<number>>(),
});

/** Servers in this process, a caller, and a fleet that watches them. */
export function fleetRig(fleetOptions: Partial<FleetOptions> = {}) {
  const registry = memory();
  const ended: string[] = [];
  const servers: ReturnType<typeof createServer>[] = [];
  const client = createClient({ registry, name: 'web' });
  const fleet = openFleet({
    ...{ registry, namespace: 'default', clock: systemClock, random: systemRandom, everyMs: 100 },
    ...fleetOptions,
  });
  return {
    registry,
    client,
    /** Streams whose handlers have let go. */
    ended,
    fleet,
    async serve(options: ServerOptions) {
      const server = createServer({ registry, ...options });
      server.add(Shop, {
        find: (id) => ({ id }),
        fail: () => {
          throw new TypeError('a defect');
        },
        async sum(numbers, start) {
          let sum = start;
          for await (const each of numbers) sum += each;
          return sum;
        },
        async *double(numbers) {
          for await (const each of numbers) yield 2 * each;
        },
        async *ticks(upTo) {
          try {
            for (let i = 0; i < upTo; i++) {
              // What comes after a hundred comes never, until the caller has left.
              if (i > 100) await new Promise((resolve) => callContext()?.signal.addEventListener('abort', resolve));
              yield i;
            }
          } finally {
            ended.push('ticks');
          }
        },
      });
      server.on('handlerError', () => {});
      await server.listen({ host: '127.0.0.1', port: 0 });
      servers.push(server);
      return server;
    },
    async [Symbol.asyncDispose]() {
      await fleet.close();
      await client.close();
      await Promise.all(servers.map((server) => server.close({ drainMs: 0, graceMs: 0 })));
    },
  };
}

/** Waits for something to become so; the test's own timeout bounds it. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10));
}
