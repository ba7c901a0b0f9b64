import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@org/rpc-core';
import type { Registration, RegistryHandle, Snapshot } from '@org/rpc-registry';
import { seededRandom } from '@org/rpc-testkit';
import { createEtcdConnector } from '../src/client/etcd-client.js';
import type { EtcdPort } from '../src/client/etcd-port.js';
import { etcd } from '../src/etcd-registry.js';
import { type EtcdCluster, startEtcdCluster } from './etcd-cluster.js';
import { type EtcdServer, etcdctl, startEtcd } from './etcd-fixture.js';
import { greeterKey, instance } from './world.js';

/** What a sequence of faults is to be like. */
export interface FaultSequence {
  /** The same seed brings the same faults in the same order. */
  readonly seed: number;
  /** How many faults follow each other. */
  readonly steps: number;
  /** Whether etcd has three members, one of which may be replaced. */
  readonly isCluster?: boolean;
  /** How long views may differ from etcd once it answers, in milliseconds. */
  readonly boundMs: number;
  readonly progress?: ((line: string) => void) | undefined;
}

/** An etcd, and what can be done to it. */
interface Store {
  readonly urls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly faults: Readonly<Record<string, () => Promise<void>>>;
  stop(): Promise<void>;
}

const SERVERS = 3;
const CLIENTS = 2;
const NAMESPACE = 'test';
/** How long etcd may take to answer again, in milliseconds. */
const BACK_MS = 30_000;

/**
 * Brings one fault after the other upon an etcd with servers and clients on it. After each, as soon as etcd takes a write, its entries
 * must be those of the servers, and every client must have a fresh list of exactly these, within the bound.
 *
 * @returns how long each step took to agree, in milliseconds
 * @throws Error with the seed, the steps and what differed
 */
export async function runFaultSequence(sequence: FaultSequence): Promise<readonly number[]> {
  const random = seededRandom(sequence.seed);
  const store = await (sequence.isCluster === true ? clusterStore(random) : singleStore(random));
  const world = new SequenceWorld(store, random);
  const steps: string[] = [];
  const took: number[] = [];
  try {
    await world.start();
    await world.agree(sequence.boundMs + BACK_MS);
    for (let step = 0; step < sequence.steps; step++) {
      const names = [...Object.keys(store.faults), 'revoke a lease', 'delete an entry'];
      const name = names[Math.floor(random() * names.length)]!;
      steps.push(name);
      await world.harm(name);
      const tookMs = await world.agree(sequence.boundMs);
      took.push(tookMs);
      sequence.progress?.(`${name}: agreed after ${tookMs.toFixed(0)} ms`);
      // The next one comes sooner or later: what is still unfinished is met as well as what has settled.
      await sleep(random() * 1_500);
    }
    return took;
  } catch (error) {
    throw new Error(`seed ${sequence.seed}, after ${steps.join(', ')}: ${(error as Error).message}`, { cause: error });
  } finally {
    await world.close();
    await store.stop();
  }
}

/** Servers and clients of one store. */
class SequenceWorld {
  readonly #store: Store;
  readonly #random: () => number;
  readonly #handles: RegistryHandle[] = [];
  readonly #registrations: Registration[] = [];
  readonly #ids = Array.from({ length: SERVERS }, (_, index) => `server-${index + 1}`);
  readonly #views: (Snapshot | undefined)[] = Array.from({ length: CLIENTS }, () => undefined);
  #writer: EtcdPort | undefined;
  #canary = 0;

  constructor(store: Store, random: () => number) {
    this.#store = store;
    this.#random = random;
  }

  async start(): Promise<void> {
    for (const id of this.#ids) {
      const registration = this.#open().register(instance(id));
      this.#registrations.push(registration);
      await registration.registered;
    }
    for (const index of this.#views.keys()) {
      this.#open().watch('greeter', (snapshot) => {
        this.#views[index] = snapshot;
      });
    }
  }

  async harm(name: string): Promise<void> {
    const fault = this.#store.faults[name];
    if (fault !== undefined) return fault();
    const key = greeterKey(this.#ids[Math.floor(this.#random() * this.#ids.length)]!);
    if (name === 'delete an entry') return void (await etcdctl(this.#store.urls, ['del', key]));
    const lease = /"Lease" : (\d+)/.exec(await etcdctl(this.#store.urls, ['get', key, '-w', 'fields']))?.[1];
    if (lease !== undefined && lease !== '0')
      await etcdctl(this.#store.urls, ['lease', 'revoke', BigInt(lease).toString(16)]);
  }

  /** @returns how long it took from when etcd answered, in milliseconds */
  async agree(boundMs: number): Promise<number> {
    // What has not changed passes for true: a mark shows that a view is of now.
    const mark = `mark-${++this.#canary}`;
    await this.#mark(mark);
    let answeredAt = performance.now();
    const deadline = answeredAt + BACK_MS;
    for (;;) {
      const stored = await this.#stored().catch(() => undefined);
      // It fell silent again: nobody can agree with it before it answers.
      if (stored === undefined && performance.now() < deadline) answeredAt = performance.now();
      const difference = this.#difference(mark, stored);
      const tookMs = performance.now() - answeredAt;
      if (difference === undefined) return tookMs;
      if (tookMs > boundMs) throw new Error(`${difference}, ${tookMs.toFixed(0)} ms after etcd answered`);
      await sleep(20);
    }
  }

  async close(): Promise<void> {
    this.#writer?.close();
    await Promise.all(this.#handles.map((handle) => handle.close()));
  }

  #open(): RegistryHandle {
    const registry = etcd({ hosts: this.#store.clientUrls, ttlSeconds: 5, snapshots: false });
    const handle = registry.open({ namespace: NAMESPACE, clock: systemClock, random: this.#random });
    this.#handles.push(handle);
    return handle;
  }

  /** Writes it into the service, in place of the one before, as soon as etcd takes it. */
  async #mark(mark: string): Promise<void> {
    const value = JSON.stringify({ host: 'nowhere', port: 1, tags: { mark } });
    const deadline = performance.now() + BACK_MS;
    for (let attempt = 0; ; attempt++) {
      const url = this.#store.urls[attempt % this.#store.urls.length]!;
      try {
        this.#writer ??= await createEtcdConnector({ clock: systemClock })(new URL(url).host);
        await this.#writer.put(greeterKey('mark'), value, '0', 500);
        return;
      } catch (error) {
        this.#writer?.close();
        this.#writer = undefined;
        if (performance.now() > deadline) throw new Error('etcd does not answer', { cause: error });
        await sleep(20);
      }
    }
  }

  /** The ids that etcd holds. @throws EtcdError when it does not answer */
  async #stored(): Promise<string> {
    const start = greeterKey('');
    const range = { key: start, rangeEnd: `${start.slice(0, -1)}0`, limit: 100, keysOnly: true };
    const { entries } = await this.#writer!.range(range, 1_000);
    return entries.map(({ key }) => key.slice(start.length)).join(' ');
  }

  #difference(mark: string, stored: string | undefined): string | undefined {
    const expected = ['mark', ...this.#ids].join(' ');
    for (const view of this.#views) {
      if (view?.fresh !== true) return 'a client has no fresh list';
      const listed = view.endpoints.map(({ id }) => id).join(' ');
      if (listed !== expected) return `a client lists ${listed}`;
      if (view.endpoints[0]?.tags?.['mark'] !== mark) return 'a client has an old list';
    }
    const pending = this.#registrations.find((registration) => registration.state().status !== 'registered');
    if (pending !== undefined) return 'a server is not registered';
    return stored === expected ? undefined : `etcd holds ${stored}`;
  }
}

async function compact(urls: readonly string[]): Promise<void> {
  const { header } = JSON.parse(await etcdctl(urls, ['get', '/', '-w', 'json'])) as { header: { revision: number } };
  await etcdctl(urls, ['compact', `${header.revision}`]);
}

async function singleStore(random: () => number): Promise<Store> {
  const server: EtcdServer = await startEtcd();
  const urls = [server.url];
  return {
    urls,
    clientUrls: urls,
    faults: {
      'kill and restart': async () => {
        await server.kill('SIGKILL');
        await sleep(random() * 3_000);
        await server.restart();
      },
      restart: () => server.restart(),
      wipe: () => server.restart({ wipe: true }),
      freeze: async () => {
        await server.kill('SIGSTOP');
        await sleep(random() * 7_000);
        await server.kill('SIGCONT');
      },
      compact: () => compact(urls),
    },
    stop: () => server.stop(),
  };
}

async function clusterStore(random: () => number): Promise<Store> {
  const cluster: EtcdCluster = await startEtcdCluster();
  const urls = cluster.members.map(({ url }) => url);
  const any = () => cluster.members[Math.floor(random() * cluster.members.length)]!;
  return {
    urls,
    clientUrls: cluster.members.map(({ clientUrl }) => clientUrl),
    faults: {
      'restart a member': () => any().restart(),
      'replace a member': () => any().restart({ wipe: true }),
      'freeze a member': async () => {
        const member = any();
        await member.kill('SIGSTOP');
        await sleep(random() * 7_000);
        await member.kill('SIGCONT');
      },
      'move the leader': async () => {
        const member = any();
        if ((await cluster.leader()) !== member) await cluster.moveLeader(member);
      },
      compact: () => compact(urls),
    },
    stop: () => cluster.stop(),
  };
}
