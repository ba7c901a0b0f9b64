import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@org/rpc';
import { systemClock, systemRandom } from '@org/rpc-core';
import type { RegistryHandle } from '@org/rpc-registry';
import { seededRandom } from '@org/rpc-testkit';
import { createEtcdConnector } from '../../packages/registry-etcd/src/client/etcd-client.js';
import { startEtcd } from '../../packages/registry-etcd/test/etcd-fixture.js';
import { until } from '../../packages/registry-etcd/test/until.js';
import { type Load, type LoadResult, startLoad } from '../faults/load.js';
import { Processes } from '../faults/processes.js';
import { Probe } from '../faults/service.js';
import { Changes } from './changes.js';
import { type ObservedRegistry, observeRegistry } from './observed-registry.js';
import { watchStalls } from './stalls.js';

/** What a soak is to be like. */
export interface SoakOptions {
  readonly minutes: number;
  /** That watch all services. */
  readonly clients: number;
  readonly services: number;
  /** Spread over the time. */
  readonly changes: number;
  /** Of the pauses before and after the deploy, in seconds. */
  readonly restSeconds: number;
  readonly seed: number;
  readonly progress: (line: string) => void;
}

/** What came of a soak. */
export interface SoakResult {
  readonly changes: number;
  readonly unheard: number;
  /** See {@link Changes}, ordered. */
  readonly delaysMs: readonly number[];
  readonly ownDelaysMs: readonly number[];
  readonly longestStallMs: number;
  readonly lists: number;
  readonly extraLists: readonly string[];
  readonly complaints: readonly string[];
  /** More than one by any of the clients. */
  readonly extraConnections: number;
  readonly calls: LoadResult;
}

/** How late a change may be heard, in milliseconds. */
const HEARD_MS = 200;
const SERVERS = 3;

/** Runs one on a real etcd: clients that watch while instances come and go, and one that calls servers which are replaced at the end. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { clients, services, progress } = options;
  const etcd = await startEtcd();
  const processes = new Processes({ hosts: etcd.url, snapshots: false });
  const observed = await Promise.all(Array.from({ length: clients + 1 }, () => observeRegistry(etcd.port)));
  const [calling, ...watching] = observed as [ObservedRegistry, ...ObservedRegistry[]];
  const writer = await createEtcdConnector({ clock: systemClock })(`127.0.0.1:${etcd.port}`);
  const stalls = watchStalls();
  const names = Array.from({ length: services }, (_, index) => `soak-${index + 1}`);
  const changes = new Changes(writer, names, clients, seededRandom(options.seed), stalls);
  const client = createClient({ registry: calling.registry });
  const handles: RegistryHandle[] = [];
  try {
    const before = await Promise.all(Array.from({ length: SERVERS }, () => processes.start()));
    await client.ready(Probe);
    await watchAll(watching, handles, names, changes);
    const load = startLoad(client, 4, 1, { pauseMs: 20, mixed: true });
    await makeChanges(options, changes, load);
    progress('the deploy: three servers are started, then the three before them are stopped');
    await sleep(options.restSeconds * 1_000);
    const after = await Promise.all(Array.from({ length: SERVERS }, () => processes.start()));
    for (const server of before) server.signal('SIGTERM');
    await Promise.all(before.map(({ exited }) => exited));
    await until(() => after.every(({ pid }) => load.answers(pid) > 0), 'each of the new servers to be called', 30_000);
    await sleep(options.restSeconds * 1_000);
    const calls = await load.stop();
    await until(() => changes.unheard === 0, 'all changes to be heard', 20_000).catch(() => undefined);
    const all = observed.map((each) => each.observed);
    return {
      changes: changes.written,
      unheard: changes.unheard,
      delaysMs: changes.all.sort((a, b) => a - b),
      ownDelaysMs: changes.own.sort((a, b) => a - b),
      longestStallMs: stalls.longestMs,
      lists: all.reduce((sum, { lists }) => sum + lists, 0),
      extraLists: all.flatMap(({ extraLists }) => extraLists),
      complaints: all.flatMap(({ complaints }) => complaints),
      extraConnections: all.reduce((sum, { connections }) => sum + connections - 1, 0),
      calls,
    };
  } finally {
    stalls.stop();
    await client.close();
    await Promise.all(handles.map((handle) => handle.close()));
    writer.close();
    await processes.close();
    await Promise.all(observed.map((each) => each.close()));
    await etcd.stop();
  }
}

/** What is wrong with a result; nothing when it is as promised. */
export function problemsOf(result: SoakResult): string[] {
  const late = result.ownDelaysMs.filter((delayMs) => delayMs > HEARD_MS).length;
  const { unheard, extraLists, complaints, extraConnections, calls } = result;
  const found: [number, string][] = [
    [late, `changes were heard later than ${HEARD_MS} ms`],
    [unheard, 'changes were not heard at all'],
    [extraLists.length, `lists were none of the periodic ones: ${extraLists[0]}`],
    [extraConnections, 'connections were opened after the first'],
    [complaints.length, `events tell of trouble: ${complaints[0]}`],
    [calls.failures.length, `of ${calls.made} calls failed: ${calls.failures[0]?.message}`],
  ];
  return found.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
}

/** Resolves when each client was told of each service. */
async function watchAll(
  watching: readonly ObservedRegistry[],
  handles: RegistryHandle[],
  services: readonly string[],
  changes: Changes,
): Promise<void> {
  const first: Promise<void>[] = [];
  for (const [client, { registry }] of watching.entries()) {
    const handle = registry.open({ namespace: 'default', clock: systemClock, random: systemRandom });
    handles.push(handle);
    for (const service of services) {
      const told = new Promise<void>((resolve) => {
        handle.watch(service, (snapshot) => {
          resolve();
          changes.heard(client, service, snapshot);
        });
      });
      first.push(told);
    }
  }
  await Promise.all(first);
}

/** Spreads the changes over the time, and says once a minute how it goes. */
async function makeChanges(options: SoakOptions, changes: Changes, load: Load): Promise<void> {
  const startedAt = performance.now();
  const lastsMs = options.minutes * 60_000;
  const failures: unknown[] = [];
  let saidMinutes = 0;
  for (;;) {
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs >= lastsMs) break;
    const due = Math.min(options.changes, Math.ceil((elapsedMs / lastsMs) * options.changes));
    if (changes.written < due) changes.make().catch((error: unknown) => failures.push(error));
    await sleep(Math.min(20, (lastsMs / options.changes) * (changes.written < due ? 0 : 1)));
    const minutes = Math.floor(elapsedMs / 60_000);
    if (minutes === saidMinutes) continue;
    saidMinutes = minutes;
    const worst = changes.all.reduce((most, delayMs) => Math.max(most, delayMs), 0);
    options.progress(
      `${minutes} of ${options.minutes} min: ${changes.written} changes, heard after at most ${worst.toFixed(0)} ms, ${changes.unheard} on their way, ${load.made} calls`,
    );
  }
  if (failures.length > 0) throw new Error(`${failures.length} changes were not written`, { cause: failures[0] });
}
