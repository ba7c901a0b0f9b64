import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, createClient, defineService, direct, method, type RpcError } from '@org/rpc';
import type { Pins } from './pins.js';

/** What the good clients call. */
const Flooded = defineService('work', {
  echo: method<(value: number) => number>({ idempotent: true, timeoutMs: 1_000 }),
  compute: method<(ms: number) => number>({ timeoutMs: 1_000 }),
});

/** The name of the scene without hostile peers: ten times the calls that can be done. */
export const OVERLOAD = 'tenfold';

/** What came of one flood. */
export interface MemoryOutcome {
  readonly kind: string;
  /** Of the good clients' calls: answered in time of those made, before and meanwhile, in per cent. */
  readonly goodBefore: number;
  readonly good: number;
  /** Their 99th percentile, in milliseconds. */
  readonly p99Before: number;
  readonly p99: number;
  /** The most memory that the process had, in MiB. */
  readonly peakMb: number;
  /** Whether the kernel held it to its bound, or it was only looked at. */
  readonly isHeld: boolean;
  /** The codes of the calls of good clients that failed meanwhile, and how many. */
  readonly failures: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

const GOOD_CLIENTS = 10;
/** How often it is told how far it is. */
const TELL_MS = 10_000;
/** Calls a second of all good clients. */
const GOOD_PER_SECOND = 200;
const file = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));
const GROUP = '/sys/fs/cgroup/memory';

/** How a flood is met. */
export interface MeetOptions {
  /** How long it lasts. */
  readonly seconds: number;
  /** What the server process may take. */
  readonly megabytes: number;
  /** Who has which core. */
  readonly pins: Pins;
  /** Told every ten seconds how far it is. */
  readonly told?: (progress: string) => void;
}

/** Lets one kind of hostile peer loose on a server of so much memory. */
export async function meet(kind: string, { seconds, megabytes, pins, told }: MeetOptions): Promise<MemoryOutcome> {
  const server = await startLimited(megabytes, pins);
  const clients = Array.from({ length: GOOD_CLIENTS }, () =>
    createClient({ registry: direct([`127.0.0.1:${server.port}`]) }),
  );
  let hostile: { end(): Promise<void> } | undefined;
  try {
    await Promise.all(clients.map((client) => client.ready(Flooded)));
    await callAll(clients, 1_000);
    const before = await callAll(clients, Math.min(5_000, seconds * 1_000));
    hostile = kind === OVERLOAD ? overload(server.port) : startHostile(server.port, kind, pins);
    await sleep(Math.min(2_000, seconds * 500));
    const during = await callAll(clients, seconds * 1_000, told);
    const problems: string[] = [];
    if (server.ended !== undefined) problems.push(`the server ended: ${server.ended}`);
    if (during.good < 0.95 * before.good) problems.push('good clients got less than 95 %');
    if (server.peakMb() > megabytes) problems.push(`it grew to ${server.peakMb()} MiB`);
    const { isHeld } = server;
    const { failures } = during;
    const rest = { p99Before: before.p99, p99: during.p99, peakMb: server.peakMb(), isHeld, failures, problems };
    return { kind, goodBefore: before.good, good: during.good, ...rest };
  } finally {
    await hostile?.end();
    await Promise.all(clients.map((client) => client.close()));
    await server.end();
  }
}

function startHostile(port: number, kind: string, pins: Pins): { end(): Promise<void> } {
  const args = ['--import=tsx', '--conditions=@org/source', file('hostile-process.ts'), String(port), kind];
  // It has what the good clients leave of their core: on a machine of its own it would take nothing from them.
  const [command = '', ...rest] = [...pins.others, 'nice', '-n', '19', process.execPath, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  return { end: () => kill(child) };
}

/** One client that asks for ten times what can be done: calls of 5 ms, 2,000 a second. */
function overload(port: number): { end(): Promise<void> } {
  const client = createClient({ registry: direct([`127.0.0.1:${port}`]), retry: false });
  const work = client.service(Flooded);
  const beganAt = performance.now();
  let made = 0;
  const timer = setInterval(() => {
    for (const due = (performance.now() - beganAt) * 2; made < due; made++) void work.compute(5).catch(() => {});
  }, 5);
  return {
    async end() {
      clearInterval(timer);
      await client.close();
    },
  };
}

interface Phase {
  readonly good: number;
  readonly p99: number;
  /** How many failed, by their codes. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Calls at a fixed rate for so long. @returns how many of a hundred were answered in time */
async function callAll(clients: readonly Client[], forMs: number, told?: MeetOptions['told']): Promise<Phase> {
  const times: number[] = [];
  const failures: Record<string, number> = {};
  const open: Promise<void>[] = [];
  const beganAt = performance.now();
  let tellAt = TELL_MS;
  for (let now = 0; now < forMs; now = performance.now() - beganAt) {
    if (now >= tellAt) {
      tellAt += TELL_MS;
      told?.(
        `${Math.round(now / 1_000)} of ${forMs / 1_000} s, ${open.length} calls, failed ${JSON.stringify(failures)}`,
      );
    }
    while (open.length < (now * GOOD_PER_SECOND) / 1_000) {
      const sentAt = performance.now();
      const call = clients[open.length % clients.length]!.service(Flooded).echo(open.length);
      open.push(
        call.then(
          () => void times.push(performance.now() - sentAt),
          ({ code }: RpcError) => {
            failures[code] = (failures[code] ?? 0) + 1;
          },
        ),
      );
    }
    await sleep(2);
  }
  await Promise.all(open);
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)] ?? Number.NaN;
  return { good: Math.round((times.length * 1_000) / open.length) / 10, p99: Math.round(p99 * 10) / 10, failures };
}

interface LimitedServer {
  readonly port: number;
  readonly isHeld: boolean;
  /** How it ended; unset while it runs. */
  readonly ended: string | undefined;
  peakMb(): number;
  end(): Promise<void>;
}

/** Starts a server that the kernel lets have so much memory, where this user may say so (cgroup v1, v2); else it is only looked at. */
async function startLimited(megabytes: number, pins: Pins): Promise<LimitedServer> {
  const group = makeGroup(megabytes);
  const enter = group === undefined ? '' : `echo $$ > ${group}/cgroup.procs; `;
  const command = `${enter}exec "$0" --max-old-space-size=${Math.floor(megabytes / 2)} "$1"`;
  const [shell = '', ...before] = [...pins.server, 'sh'];
  const child = spawn(shell, [...before, '-c', command, process.execPath, file('memory-server.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let ended: string | undefined;
  child.once('exit', (code, signal) => (ended = String(signal ?? code)));
  const [bytes] = await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')]);
  let peakMb = 0;
  const sample = (): void => {
    const status = existsSync(`/proc/${child.pid}/status`) ? readFileSync(`/proc/${child.pid}/status`, 'utf8') : '';
    peakMb = Math.max(peakMb, Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024));
  };
  const timer = setInterval(sample, 500);
  return {
    port: Number(String(bytes)),
    isHeld: group !== undefined,
    get ended() {
      return ended;
    },
    peakMb: () => peakMb,
    async end() {
      clearInterval(timer);
      await kill(child);
      if (group !== undefined) await removeGroup(group);
    },
  };
}

function makeGroup(megabytes: number): string | undefined {
  const isFirst = existsSync(`${GROUP}/memory.limit_in_bytes`);
  const group = `${isFirst ? GROUP : '/sys/fs/cgroup'}/org-rpc-${process.pid}`;
  try {
    mkdirSync(group);
    writeFileSync(`${group}/${isFirst ? 'memory.limit_in_bytes' : 'memory.max'}`, String(megabytes * 1024 * 1024));
    return group;
  } catch {
    return undefined;
  }
}

/** The kernel needs a moment to see that nobody is in it. */
async function removeGroup(group: string, tries = 20): Promise<void> {
  try {
    rmdirSync(group);
  } catch (error) {
    if (tries === 0) throw error;
    await sleep(50);
    await removeGroup(group, tries - 1);
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
