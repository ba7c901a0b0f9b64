// npm run bench:registry: what a client pays for many instances in a real etcd. Its list and nodes are the shipped ones, its
// connections are none: an object that says "ready" stands for each, for ten thousand sockets are another matter. Ends with
// code 1 when a goal is missed; on a busy machine the times tell of that machine.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { etcd } from '@org/rpc';
import { systemClock, systemRandom } from '@org/rpc-core';
import type { RegistryHandle } from '@org/rpc-registry';
import { startEtcd } from '../../packages/registry-etcd/test/etcd-fixture.js';
import { watchCrowd } from './crowd.js';
import { NAMESPACE, SERVICE } from './instances.js';

/** What the writer tells of a change: the weight that only this one has, and when. */
interface Written {
  readonly weight: number;
  /** Milliseconds since 1970, of one machine. */
  readonly sentAt: number;
  readonly writtenAt: number;
}

const { values } = parseArgs({
  options: {
    instances: { type: 'string', default: '10000' },
    'per-second': { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
  },
});
const instances = Number(values.instances);
const collect = globalThis.gc;
if (collect === undefined) throw new Error('run it by npm run bench:registry, which passes --expose-gc');

const server = await startEtcd();
// The list is kept on disk, as by default, but not among the files of whoever runs this.
const directory = await mkdtemp(join(tmpdir(), 'rpc-scale-'));
try {
  await runWriter('fill');
  // What is loaded and compiled once is no price of the list.
  const warm = open();
  await new Promise<void>((resolve) => void warm.watch('another', () => resolve()));
  collect();
  const heapBefore = process.memoryUsage().heapUsed;
  const startedAt = performance.now();
  const handle = open();
  const crowd = watchCrowd(handle, SERVICE, instances);
  await crowd.ready;
  const readyMs = performance.now() - startedAt;
  collect();
  const heapMiB = (process.memoryUsage().heapUsed - heapBefore) / 2 ** 20;

  const [pickersBefore, cpuBefore, changingAt] = [crowd.pickers, process.cpuUsage(), performance.now()];
  const written = await runWriter('change');
  await sleep(500);
  const cpu = process.cpuUsage(cpuBefore);
  const changingMs = performance.now() - changingAt;
  const delays = written.map(
    ({ weight, writtenAt }) => (crowd.seenAt.get(weight) ?? Number.POSITIVE_INFINITY) - writtenAt,
  );
  const overwritten = delays.filter((delay) => delay === Number.POSITIVE_INFINITY).length;
  const seen = delays.filter(Number.isFinite).sort((a, b) => a - b);
  const share = (part: number): number => seen[Math.min(seen.length - 1, Math.floor(seen.length * part))] ?? Number.NaN;
  const writes = written.map(({ sentAt, writtenAt }) => writtenAt - sentAt).sort((a, b) => a - b);

  const cpuShare = (cpu.user + cpu.system) / 10 / changingMs;
  console.log(
    `${instances} instances, ${written.length} changes at ${values['per-second']} a second for ${values.seconds} s`,
  );
  goal('listed and ready', readyMs, 2_000, 'ms');
  goal('heap of list and nodes', heapMiB, 50, 'MiB');
  goal('written to in a picker, p99', share(0.99), 50, 'ms');
  console.log(`     written to in a picker, p50 ${share(0.5).toFixed(1)} ms, most ${share(1).toFixed(1)} ms`);
  console.log(
    `     written: p50 ${writes[writes.length >> 1]?.toFixed(1)} ms; replaced before they were seen: ${overwritten}`,
  );
  console.log(`     pickers ${crowd.pickers - pickersBefore}; processor ${cpuShare.toFixed(0)} % of one core`);
  crowd.close();
  await Promise.all([handle.close(), warm.close()]);
} finally {
  await server.stop();
  await rm(directory, { recursive: true });
}

function open(): RegistryHandle {
  const registry = etcd({ hosts: server.url, snapshots: { directory } });
  return registry.open({ namespace: NAMESPACE, clock: systemClock, random: systemRandom });
}

async function runWriter(task: 'fill' | 'change'): Promise<readonly Written[]> {
  const file = new URL('./writer.ts', import.meta.url).pathname;
  const { 'per-second': perSecond, seconds } = values;
  const child = fork(file, [server.url, task, String(instances), perSecond, seconds]);
  const written: Written[] = [];
  child.on('message', (message) => written.push(message as Written));
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the writer ended with ${code}`);
  return written;
}

function goal(what: string, found: number, most: number, unit: string): void {
  const isGood = found <= most;
  if (!isGood) process.exitCode = 1;
  console.log(`${isGood ? 'ok  ' : 'FAIL'} ${what}: ${found.toFixed(1)} ${unit} (goal: at most ${most})`);
}
