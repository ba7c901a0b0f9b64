import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, createClient, createServer, defineService, direct, memory, method } from '@org/rpc';

const WAITING = 10_000;
const IDLE = 1_000;
const CALLS = 1_000_000;
const CALLERS = 64;
const WARM_UP = 200_000;
const KIB = 1_024;
const limits = { callsInFlight: 2 * WAITING, connections: 2 * IDLE };
const PATH = fileURLToPath(import.meta.url);

const Things = defineService('things', {
  never: method<(value: number) => void>(),
  echo: method<(value: unknown) => unknown>({ idempotent: true }),
});

/** What is held while nothing happens. */
export interface Held {
  readonly name: string;
  readonly bytes: number;
  /** The goal: at most so many. */
  readonly most?: number;
}

/** What a call that waits holds, what a connection that idles, and what many calls leave behind, on both sides. */
export async function memoryCosts(): Promise<readonly Held[]> {
  const server = await startServer();
  const open = (): Client =>
    createClient({ registry: direct([`127.0.0.1:${server.port}`]), timeoutMs: 600_000, limits });
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
  const grown = async (run: () => unknown): Promise<{ readonly here: number; readonly there: number }> => {
    const before = { here: await held(), there: await server.held() };
    await run();
    return { here: (await held()) - before.here, there: (await server.held()) - before.there };
  };
  await calls(WARM_UP);
  const ofCalls = await grown(() => calls(CALLS));

  // Their place is there before they are, and what looks at their end is not of the call.
  const waiting = new Array<Promise<void> | undefined>(WAITING).fill(undefined);
  const ofWaiting = await grown(() => {
    for (let i = 0; i < WAITING; i++) waiting[i] = things.never(7);
    return sleep(100);
  });
  for (const one of waiting) one?.catch(() => undefined);
  await client.close();

  const idle = Array.from({ length: IDLE }, open);
  for (const one of idle) await one.service(Things).echo(1);
  await sleep(500);
  // What comes back when they close: by that time nothing else is made any more, such as code.
  const ofIdle = await grown(async () => {
    for (const one of idle.splice(0)) await one.close();
    await sleep(500);
  });
  server.stop();
  const each = (bytes: number, count: number): number => Math.round(bytes / count);
  const many = `${CALLS.toLocaleString('en-US')} calls leave behind, altogether`;
  return [
    { name: `${many}, client`, bytes: ofCalls.here, most: 256 * KIB },
    { name: `${many}, server`, bytes: ofCalls.there, most: 256 * KIB },
    { name: 'a waiting call, client', bytes: each(ofWaiting.here, WAITING), most: 600 },
    { name: 'a waiting call, server', bytes: each(ofWaiting.there, WAITING), most: 350 },
    {
      name: `an idle connection of ${IDLE.toLocaleString('en-US')}, server`,
      bytes: each(-ofIdle.there, IDLE),
      most: 12 * KIB,
    },
    { name: 'a client that idles with its connection', bytes: each(-ofIdle.here, IDLE) },
  ];
}

async function startServer() {
  const child = fork(PATH, ['serve'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const next = async (): Promise<number> => (await once(child, 'message'))[0] as number;
  const port = await next();
  const ask = (): Promise<number> => {
    child.send('held');
    return next();
  };
  return { port, held: ask, stop: () => void child.kill() };
}

/** In the process of the server. */
async function serve(): Promise<void> {
  const server = createServer({ registry: memory(), overload: false, limits }).add(Things, {
    never: () => new Promise(() => undefined),
    echo: (value) => value,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  process.on('message', async () => process.send?.(await held()));
  process.send?.(port);
}

async function held(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await sleep(20);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

if (process.argv[1] === PATH) await serve();
