// Servers in a process of their own, for the fault tests: `server-process.ts REGISTRY PORT COUNT`, the registry as a string or as
// the JSON of the options of `etcd`. Writes a line of JSON when all are registered, and one for each event of the registry.
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createServer, etcd, RpcError } from '@org/rpc';
import { jumpClock } from './jump-clock.js';
import { Probe } from './service.js';

const [registry = '', port, count = '1'] = process.argv.slice(2);
const HOUR_MS = 3_600_000;
let isAiling = false;
/** When this process held its loop for three seconds the last time. */
let heldAt = Number.NEGATIVE_INFINITY;
const hoarded: number[] = [];
process.on('SIGUSR2', () => {
  isAiling = !isAiling;
  const trouble = process.env['TROUBLE'];
  if (isAiling && trouble === 'leaking') leak();
  if (isAiling && trouble === 'hoarding') hoard();
  if (isAiling && trouble === 'collecting') collect();
  if (trouble === 'throwing') throw new Error('nobody catches this');
  if (trouble === 'jumping') jumpClock(isAiling ? HOUR_MS : 0);
  if (!isAiling) for (const descriptor of hoarded.splice(0)) closeSync(descriptor);
});
const write = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const servers = await Promise.all(
  Array.from({ length: Number(count) }, async () => {
    const server = createServer({
      registry: registry.startsWith('{') ? etcd(JSON.parse(registry)) : registry,
      signals: ['SIGTERM'],
    });
    server.on('registry', ({ kind, message }) => write({ event: kind, message }));
    server.on('connectionClosed', ({ reason }) => write({ event: 'connection closed', message: reason }));
    server.add(Probe, {
      fail() {
        throw new Error('nobody expects this');
      },
      async ask(delayMs) {
        if (isAiling) await ail();
        if (delayMs > 0) await sleep(delayMs);
        return process.pid;
      },
      once() {
        if (isAiling && process.env['TROUBLE'] === 'failing') throw new RpcError('UNAVAILABLE', 'the database is away');
        return process.pid;
      },
    });
    const address = await server.listen({ port: Number(port ?? 0), host: '127.0.0.1' }).catch((error: Error) => {
      write({ event: 'not listening', message: error.message });
      process.exit(1);
    });
    return { server, port: address.port };
  }),
);

/** What ails this process, for one call. */
async function ail(): Promise<void> {
  const trouble = process.env['TROUBLE'];
  if (trouble === 'slow') await sleep(1_500);
  if (trouble === 'failing') throw new RpcError('UNAVAILABLE', 'the database is away');
  const startedAt = performance.now();
  const isHeld = trouble === 'holding' && startedAt - heldAt > 6_000;
  if (isHeld) heldAt = startedAt;
  const untilMs = startedAt + (trouble === 'computing' ? 50 : isHeld ? 3_000 : 0);
  while (performance.now() < untilMs);
}

/** Takes every descriptor that there is. */
function hoard(): void {
  try {
    for (;;) hoarded.push(openSync('/dev/null', 'r'));
  } catch (error) {
    write({ event: 'hoarded', message: `${hoarded.length}: ${(error as Error).message}` });
  }
}

/** Fills its memory with so many small things that to look for garbage among them takes long, and does so every second. */
function collect(): void {
  setFlagsFromString('--expose-gc');
  const look = runInNewContext('gc') as () => void;
  let kept: object[] = [];
  let longestMs = 0;
  const timer = setInterval(() => {
    if (!isAiling) {
      clearInterval(timer);
      kept = [];
      return write({ event: 'collected', message: longestMs.toFixed(0) });
    }
    if (kept.length < 4_000_000) for (let each = 0; each < 500_000; each++) kept.push({ each });
    const startedAt = performance.now();
    look();
    longestMs = Math.max(longestMs, performance.now() - startedAt);
  }, 1_000);
}

/** Keeps more and more, a few megabytes a turn, until the process is killed for it. */
function leak(kept: unknown[] = []): void {
  for (let each = 0; each < 100; each++) kept.push(Array.from({ length: 2_000 }, () => ({ each })));
  setImmediate(leak, kept);
}

await Promise.all(servers.map(({ server }) => server.registered));
write({
  port: servers[0]?.port,
  instance: servers[0]?.server.instance,
  instances: servers.map(({ server }) => server.instance),
});
