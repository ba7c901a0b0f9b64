import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createServer, defineService, memory, method } from '@org/rpc';
import { connect } from '@org/rpc-testkit';

const WAITING = 10_000;
const IDLE = 500;
const CALLS = 200_000;
const CALLERS = 64;
const limits = { callsInFlight: 2 * WAITING, connections: 2 * IDLE };

const Things = defineService('things', {
  never: method<(value: number) => void>(),
  echo: method<(value: unknown) => unknown>({ idempotent: true }),
});

/** What is held while nothing happens, in bytes: by a call that waits, by a connection that idles; and what many calls leave behind. */
export async function memoryCosts(): Promise<ReadonlyMap<string, number>> {
  const costs = new Map<string, number>();
  const server = createServer({ registry: memory(), overload: false, limits }).add(Things, {
    never: () => new Promise(() => undefined),
    echo: (value) => value,
  });
  const open = (): Client => connect(server, { timeoutMs: 600_000, limits });
  const client = open();
  const things = client.service(Things);
  const object = { id: 1, name: 'a', tags: ['b'] };
  const calls = async (count: number): Promise<void> => {
    let left = count;
    const caller = async (): Promise<void> => {
      while (left-- > 0) await things.echo(object);
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
  };
  await calls(CALLS);
  const beforeCalls = await held();
  await calls(CALLS);
  costs.set(`${CALLS.toLocaleString('en-US')} calls leave behind, altogether`, (await held()) - beforeCalls);

  const beforeWaiting = await held();
  const waiting = Array.from({ length: WAITING }, () => things.never(7));
  for (const one of waiting) one.catch(() => undefined);
  await sleep(100);
  costs.set('a waiting call, client and server', Math.round(((await held()) - beforeWaiting) / WAITING));
  await client.close();
  waiting.length = 0;

  const beforeIdle = await held();
  const idle = Array.from({ length: IDLE }, open);
  for (const one of idle) await one.service(Things).echo(1);
  costs.set('an idle client with its connection, both ends', Math.round(((await held()) - beforeIdle) / IDLE));
  await Promise.all(idle.map((one) => one.close()));
  return costs;
}

async function held(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await sleep(20);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
