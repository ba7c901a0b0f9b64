import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient, type EtcdOptions, etcd, type RegistryEvent } from '@org/rpc';
import { type EtcdCluster, startEtcdCluster } from '../../packages/registry-etcd/test/etcd-cluster.js';
import { type EtcdServer, startEtcd } from '../../packages/registry-etcd/test/etcd-fixture.js';
import { startTcpProxy, type TcpProxy } from '../../packages/registry-etcd/test/tcp-proxy.js';
import { until } from '../../packages/registry-etcd/test/until.js';
import { FullDisk } from './full-disk.js';
import { IllLine } from './ill-line.js';
import { Processes, type ServerProcess } from './processes.js';
import { type RegistryView, viewRegistry } from './registry-view.js';
import { Probe } from './service.js';
import type { Setup } from './setup.js';
import { disagreement, readyCount } from './views.js';

/** The administrator of an etcd that asks who one is. */
export const ROOT = Object.freeze({ name: 'root', password: 'root-of-all' });

/** Views count as agreed when they stay so for this long: an etcd that is back drops leases a moment later. */
const STABLE_MS = 2_000;
const CONVERGE_MAX_MS = 90_000;
/** An etcd that is back later than this after the fault has ended is noted: nobody can agree before it is. */
const ETCD_NOTED_MS = 200;

/** It is draining, so that no call is sent to what is not there. */
const CANARY = JSON.stringify({ host: '127.0.0.1', port: 1, state: 'draining' });

/** Everything that a scenario works with: a real etcd, server processes, a client, and a stop watch. */
export class Rig {
  readonly short: boolean;
  readonly ttlSeconds: number;
  readonly directory: string;
  readonly registry: RegistryView;
  /** What servers and clients are given. */
  readonly serverOptions: EtcdOptions;
  readonly clientOptions: EtcdOptions;
  readonly processes: Processes;
  readonly servers: ServerProcess[] = [];
  /** The ids of the servers that are expected to be listed. */
  readonly living = new Set<string>();
  readonly clients: Client[] = [];
  readonly events: RegistryEvent[] = [];
  readonly notes: string[] = [];
  readonly problems: string[] = [];
  readonly #parts: RigParts;
  /** Entries that the rig has made itself, to see whether clients hear of them. */
  readonly #canaries = new Set<string>();
  #written = 0;
  #behind: Promise<ServerProcess> | undefined;
  #endedAt: number | undefined;

  constructor(setup: Setup, short: boolean, parts: RigParts) {
    const { ttlSeconds = short ? 5 : 15, auth, trouble, logFull = false } = setup;
    this.short = short;
    this.ttlSeconds = ttlSeconds;
    this.#parts = parts;
    this.directory = parts.directory;
    this.registry = viewRegistry(parts.directUrls, ROOT);
    const common = { ttlSeconds, ...(auth === undefined ? {} : { auth }), snapshots: { directory: parts.directory } };
    this.serverOptions = { ...common, hosts: parts.serverUrls };
    this.clientOptions = { ...common, hosts: parts.clientUrls };
    // What a server has by default in a container with so much memory, but that it dies sooner.
    const memory = trouble === 'leaking' ? { NODE_OPTIONS: '--max-old-space-size=128' } : {};
    const environment = trouble === undefined ? {} : { ...memory, TROUBLE: trouble };
    this.processes = new Processes(this.serverOptions, environment, logFull ? '/dev/full' : undefined);
  }

  get etcd(): EtcdServer {
    if (this.#parts.etcd === undefined) throw new Error('this scenario has a cluster');
    return this.#parts.etcd;
  }

  get cluster(): EtcdCluster {
    if (this.#parts.cluster === undefined) throw new Error('this scenario has no cluster');
    return this.#parts.cluster;
  }

  /** Between clients and etcd. */
  get clientLine(): TcpProxy {
    return this.#parts.lines![0];
  }

  /** Between servers and etcd. */
  get serverLine(): TcpProxy {
    return this.#parts.lines![1];
  }

  /** The disk that can be filled. */
  get disk(): FullDisk {
    if (this.#parts.disk === undefined) throw new Error('this scenario has no disk');
    return this.#parts.disk;
  }

  /** Between clients and {@link behind}. */
  get path(): IllLine {
    if (this.#parts.path === undefined) throw new Error('this scenario has no path');
    return this.#parts.path;
  }

  /** The first server, where the scenario has a path. */
  get behind(): Promise<ServerProcess> {
    if (this.#behind === undefined) throw new Error('no server has been started');
    return this.#behind;
  }

  /** When the fault ended; unset while it lasts. */
  get endedAt(): number | undefined {
    return this.#endedAt;
  }

  /** The fault is over. */
  end(): void {
    this.#endedAt ??= performance.now();
  }

  /** Lets time pass, shorter or longer. */
  async hold(shortSeconds: number, fullSeconds: number): Promise<void> {
    await sleep(1_000 * (this.short ? shortSeconds : fullSeconds));
  }

  /** Starts a process with servers, which are expected to be listed from then on. */
  async startServers(count: number): Promise<ServerProcess> {
    const { path } = this.#parts;
    if (path === undefined || this.#behind !== undefined) {
      const server = await this.processes.start(0, count);
      this.add(server);
      return server;
    }
    this.#behind = this.processes.start(0, count, { RPC_ADVERTISE: `127.0.0.1:${path.port}` });
    const server = await this.#behind;
    path.target = server.port;
    this.add(server);
    return server;
  }

  /** Expects these servers to be listed. */
  add(server: ServerProcess): void {
    this.servers.push(server);
    for (const instance of server.instances) this.living.add(instance);
  }

  /** Expects these servers to be listed no more. */
  remove(server: ServerProcess): void {
    for (const instance of server.instances) this.living.delete(instance);
  }

  /** Makes a client whose view must agree, too. */
  client(): Client {
    const client = createClient({ registry: etcd(this.clientOptions) });
    client.on('registry', (event) => this.events.push(event));
    this.clients.push(client);
    return client;
  }

  /** Notes a broken promise when this does not hold. */
  check(holds: boolean, problem: string): void {
    if (!holds) this.problems.push(problem);
  }

  /** Waits for what must come within a bound; notes a broken promise when it does not. */
  async expect(holds: () => boolean | Promise<boolean>, what: string, timeoutMs = 30_000): Promise<void> {
    await until(holds, what, timeoutMs).catch((error: Error) => this.problems.push(error.message));
  }

  /** Whether a client was told something like this of its registry. */
  wasTold(pattern: RegExp): boolean {
    return this.events.some(({ message }) => pattern.test(message));
  }

  /** The fault takes the canaries with it. */
  forgetCanaries(): void {
    this.#canaries.clear();
  }

  /** How many entries the rig itself has made. */
  get canaries(): number {
    return this.#canaries.size;
  }

  /** How many living servers have no entry. */
  async missing(): Promise<number> {
    const instances = await this.registry.instances();
    return [...this.living].filter((id) => !instances.has(id)).length;
  }

  /** How many servers the first client can call now. */
  ready(): number {
    return this.clients[0] === undefined ? 0 : readyCount(this.clients[0]);
  }

  /** Notes how long it takes until all views agree although the fault goes on. */
  async agreeDuring(): Promise<void> {
    const startedAt = performance.now();
    const agreedAt = await this.agree('while it lasts, ');
    if (agreedAt === undefined) this.problems.push('the views did not agree while the fault lasted');
    else this.notes.push(`while it lasts, views agree after ${((agreedAt - startedAt) / 1_000).toFixed(1)} s`);
  }

  /**
   * When all views began to agree for good; `undefined` when they do not within a bound. An entry is written first, so that a
   * view which merely has not changed does not pass for one that is true.
   *
   * @param when - begins the notes
   */
  async agree(when = ''): Promise<number | undefined> {
    const startedAt = performance.now();
    const deadline = startedAt + CONVERGE_MAX_MS;
    const canary = `canary-${++this.#written}`;
    let isWritten = false;
    let since: number | undefined;
    let last: string | undefined;
    while (performance.now() < deadline) {
      const askedAt = performance.now();
      try {
        if (!isWritten) {
          await this.registry.put(canary, CANARY);
          const tookMs = performance.now() - startedAt;
          if (tookMs > ETCD_NOTED_MS)
            this.notes.push(`${when}etcd itself answers after ${(tookMs / 1_000).toFixed(1)} s`);
          isWritten = true;
          this.#canaries.add(canary);
        }
        last = await disagreement(this.living, this.#canaries, this.clients, this.registry);
      } catch (error) {
        last = (error as Error).message;
      }
      if (last !== undefined) since = undefined;
      else since ??= askedAt;
      if (since !== undefined && performance.now() - since >= STABLE_MS) return since;
      await sleep(20);
    }
    this.problems.push(`no agreement: ${last ?? 'it did not last'}`);
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    await this.processes.close();
    await this.#parts.stop();
  }
}

/** The outside world of a rig. */
export interface RigParts {
  readonly etcd?: EtcdServer;
  readonly cluster?: EtcdCluster;
  readonly lines?: readonly [TcpProxy, TcpProxy];
  readonly path?: IllLine | undefined;
  readonly disk?: FullDisk | undefined;
  readonly directory: string;
  readonly directUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly serverUrls: readonly string[];
  stop(): Promise<void>;
}

/** Starts etcd for a scenario, and nothing else yet. */
export async function createRig(setup: Setup, short: boolean): Promise<Rig> {
  const { cluster: isCluster, lines: hasLines, etcdArgs } = setup;
  // An etcd that died in the middle of a write needs room for a copy of its log, 64 MB, to repair it; it keeps a second such file ready.
  const disk = setup.disk && (await FullDisk.open(setup.disk === 'etcd' ? 256 : 1));
  const directory = await mkdtemp(join(setup.disk === 'snapshots' ? disk!.directory : tmpdir(), 'rpc-fault-'));
  const clean = (): Promise<void> => rm(directory, { recursive: true, force: true });
  if (isCluster) {
    const cluster = await startEtcdCluster();
    const urls = cluster.members.map(({ clientUrl }) => clientUrl);
    const stop = async (): Promise<void> => void (await Promise.all([cluster.stop(), clean()]));
    const directUrls = cluster.members.map(({ url }) => url);
    return new Rig(setup, short, { cluster, directory, directUrls, clientUrls: urls, serverUrls: urls, stop });
  }
  const etcdServer = await startEtcd(etcdArgs, setup.disk === 'etcd' ? disk!.directory : tmpdir());
  const path = setup.path && (await IllLine.open());
  const { url, port } = etcdServer;
  const lines = hasLines ? ([await startTcpProxy(port), await startTcpProxy(port)] as const) : undefined;
  const [clientUrls, serverUrls] = lines?.map((line) => [`http://127.0.0.1:${line.port}`]) ?? [[url], [url]];
  const stop = async (): Promise<void> => {
    await Promise.all([etcdServer.stop(), ...(lines ?? []).map((line) => line.close()), path?.close(), clean()]);
    await disk?.close();
  };
  const parts = {
    etcd: etcdServer,
    path,
    disk,
    directory,
    directUrls: [url],
    clientUrls: clientUrls!,
    serverUrls: serverUrls!,
    stop,
  };
  return new Rig(setup, short, lines === undefined ? parts : { ...parts, lines });
}

/** The service of all scenarios is ready for the first client. */
export async function startAll(rig: Rig, { processes = 2, each = 2 } = {}): Promise<void> {
  await Promise.all(Array.from({ length: processes }, () => rig.startServers(each)));
  await rig.client().ready(Probe);
}
