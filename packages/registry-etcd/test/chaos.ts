import assert from 'node:assert/strict';
import { Balancer } from '@org/rpc-client/internal';
import type { Endpoint, Snapshot } from '@org/rpc-registry';
import { seededRandom } from '@org/rpc-testkit';
import { EtcdError, type WatchEvent } from '../src/client/etcd-port.js';
import { formatInstanceValue, parseInstanceValue } from '../src/instances/instance-value.js';
import { balancerEnvironment, FakePool } from './fake-links.js';
import { createWorld, endpoint, greeterKey, type World } from './world.js';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const STATES = ['up', 'up', 'up', 'unavailable', 'draining'] as const;
const STEPS = 40;
/** Longer than anything waits: the resync, a failed read with its deadline, the longest backoff that has built up. */
const CALM_MS = 150_000;

/**
 * One story: instances come, change and go while what watches them loses events, gets them twice, late and in any order, loses
 * its connection, and is answered with errors or not at all. All the way it must hold what may be known of the store; when the
 * trouble is over it must hold what the store holds.
 *
 * @throws AssertionError with the seed and what happened
 */
export async function runChaos(seed: number): Promise<void> {
  const story = new Story(seed);
  try {
    await story.run();
  } catch (error) {
    const { message } = error as Error;
    throw new assert.AssertionError({ message: `seed ${seed}: ${message}\n${story.steps.join('\n')}` });
  }
}

/** What an instance was from some moment on: `undefined` for not there, or no endpoint. */
interface Version {
  readonly endpoint: Endpoint | undefined;
  /** Whether its key was deleted. */
  readonly isDeleted?: true;
}

class Story {
  readonly steps: string[] = [];
  readonly #random: () => number;
  readonly #world: World;
  readonly #pool = new FakePool();
  readonly #balancer: Balancer;
  readonly #stop: () => Promise<void>;
  /** What each instance was, in order; each write has a weight of its own. */
  readonly #history = new Map<string, Version[]>(IDS.map((id) => [id, [{ endpoint: undefined }]]));
  /** The latest version of each that was told, by its place in the history. */
  readonly #told = new Map<string, number>();
  /** What has happened in this store, for what is told late or twice. */
  #events: WatchEvent[] = [];
  #last: Snapshot | undefined;
  #failure: unknown;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#world = createWorld(['a:1', 'b:1', 'c:1'], seed + 1);
    const { clock } = this.#world;
    const handle = this.#world.open();
    this.#balancer = new Balancer('greeter', {
      ...balancerEnvironment(handle, this.#pool, clock, this.#random),
      emit: (event, ...args) => {
        if (event === 'endpointRemoved') this.#removed((args[0] as { instance: string }).instance);
      },
    });
    this.#balancer.open();
    handle.watch('greeter', (snapshot) => this.#check(snapshot));
    this.#stop = async () => {
      this.#balancer.close('the story is over');
      await handle.close();
    };
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      this.#act();
      if (this.#random() < 0.7) await this.#pass(this.#random() < 0.5 ? 5 : 2_000);
    }
    await this.#calm();
    await this.#stop();
    assert.equal(this.#world.clock.pending, 0, 'timers are left');
    assert.equal(this.#world.etcd.watches.size, 0, 'watches are left');
  }

  #act(): void {
    const { etcd } = this.#world;
    const id = this.#choose(IDS);
    const roll = this.#random();
    if (roll < 0.35) this.#put(id);
    else if (roll < 0.5) this.#note(`delete ${id}`, this.#deleteKey(id));
    else if (roll < 0.6) this.#deliver();
    else if (roll < 0.7) this.#toggleMute();
    else if (roll < 0.78) this.#fault();
    else if (roll < 0.86) this.#toggleLink();
    else if (roll < 0.91) this.#note('break watches', etcd.breakWatches());
    else if (roll < 0.95) this.#note('compact', etcd.compact(etcd.revision));
    else if (roll < 0.97) this.#wipe();
    else etcd.fault = () => undefined;
  }

  #put(id: string): void {
    const { etcd } = this.#world;
    const isBad = this.#random() < 0.1;
    const value = isBad ? '{' : formatInstanceValue(this.#endpoint(id, this.#history.get(id)!.length));
    this.#note(`put ${id} ${value}`);
    etcd.put(greeterKey(id), value);
    const entry = etcd.get(greeterKey(id))!;
    this.#events.push({ type: 'put', entry });
    this.#history.get(id)!.push({ endpoint: parseInstanceValue(entry.value, id).endpoint });
  }

  #endpoint(id: string, weight: number): Endpoint {
    return endpoint(id, { port: 1 + IDS.indexOf(id), weight, state: this.#choose(STATES) });
  }

  #deleteKey(id: string): void {
    const { etcd } = this.#world;
    if (!etcd.delete(greeterKey(id))) return;
    this.#events.push({ type: 'delete', key: greeterKey(id), modRevision: etcd.revision });
    this.#history.get(id)!.push({ endpoint: undefined, isDeleted: true });
  }

  /** Some of what has happened, in any order, as if it had only just. */
  #deliver(): void {
    const count = 1 + Math.floor(this.#random() * 6);
    const events = Array.from({ length: count }, () => this.#choose(this.#events)).filter(
      (event) => event !== undefined,
    );
    const { etcd } = this.#world;
    const revisions = events.map((event) => (event.type === 'put' ? event.entry.modRevision : event.modRevision));
    const revision = this.#random() < 0.5 ? etcd.revision : Math.max(1, ...revisions);
    this.#note(`deliver ${revisions.join(' ')} at ${revision}`);
    etcd.inject(events, revision);
  }

  #fault(): void {
    const { etcd } = this.#world;
    const fault = this.#choose([
      new EtcdError('unavailable', 'refused'),
      'hang',
      'loseAnswer',
      new EtcdError('exhausted', 'large'),
    ] as const);
    const share = this.#random();
    this.#note(`fault ${typeof fault === 'string' ? fault : fault.kind} of ${share.toFixed(2)}`);
    etcd.fault = () => (this.#random() < share ? fault : undefined);
  }

  #toggleMute(): void {
    const { etcd } = this.#world;
    etcd.mute = !etcd.mute;
    this.#note(etcd.mute ? 'mute' : 'no longer mute');
  }

  #toggleLink(): void {
    const link = this.#choose([...this.#pool.links]);
    if (link === undefined) return;
    this.#note(`link of ${link.endpoint.id} ${link.state === 'ready' ? 'down' : 'up'}`);
    link.set(link.state !== 'ready');
  }

  #wipe(): void {
    this.#note('wipe');
    this.#events = [];
    for (const versions of this.#history.values()) versions.push({ endpoint: undefined, isDeleted: true });
    this.#world.etcd.wipe();
  }

  async #pass(ms: number): Promise<void> {
    const passed = this.#random() * ms;
    this.#note(`${passed.toFixed(0)} ms pass`);
    await this.#world.clock.advance(passed);
    this.#balancer.tick();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** What may be told at any time: nothing that was never written, and each that is gone is told once. */
  #check(snapshot: Snapshot): void {
    try {
      const ids = snapshot.endpoints.map(({ id }) => id);
      assert.deepEqual(ids, [...new Set(ids)].sort(), 'ordered, none twice');
      const leaving = IDS.filter((id) => this.#isLeaving(id));
      for (const id of IDS) this.#checkVersion(id, snapshot);
      const before = this.#last?.endpoints.map(({ id }) => id) ?? [];
      const missing = before.filter((id) => !ids.includes(id)).sort();
      assert.deepEqual(snapshot.gone.map(({ id }) => id).sort(), missing, 'what is missing is gone');
      for (const { id, reason } of snapshot.gone) {
        assert.ok(reason === 'unknown' || (reason === 'left' && this.#wasDraining(id)), `${id} is gone: ${reason}`);
        assert.ok(reason === 'left' || !leaving.includes(id), `${id} said goodbye and is gone: ${reason}`);
      }
      this.#last = snapshot;
    } catch (error) {
      this.#failure ??= error;
    }
  }

  /** It is what the instance was at some time, and not before what was told already. */
  #checkVersion(id: string, snapshot: Snapshot): void {
    const seen = snapshot.endpoints.find((each) => each.id === id);
    const told = this.#told.get(id) ?? 0;
    const versions = this.#history.get(id)!;
    const now = versions.findIndex(({ endpoint: its }, index) => index >= told && its?.weight === seen?.weight);
    assert.ok(now >= 0, `${id} is what it was before, or never: ${JSON.stringify(seen)} after version ${told}`);
    assert.deepEqual(seen, versions[now]!.endpoint);
    this.#told.set(id, now);
  }

  /** It was told as draining, and all that has happened to it since is that its key was deleted. */
  #isLeaving(id: string): boolean {
    const [told, next, ...more] = this.#history.get(id)!.slice(this.#told.get(id) ?? 0);
    return told?.endpoint?.state === 'draining' && next?.isDeleted === true && more.length === 0;
  }

  #wasDraining(id: string): boolean {
    return this.#history.get(id)!.some((version) => version.endpoint?.state === 'draining');
  }

  /** A node is given up only when it said goodbye, or when it does not answer. */
  #removed(id: string): void {
    const link = [...this.#pool.links].find(({ endpoint: { id: its } }) => its === id);
    if (link?.state === 'ready' && !this.#wasDraining(id))
      this.#failure ??= new Error(`${id} answers and was given up`);
  }

  async #calm(): Promise<void> {
    const { etcd, clock } = this.#world;
    this.#note('calm');
    etcd.mute = false;
    etcd.fault = () => undefined;
    await clock.advance(CALM_MS);
    const stored = etcd.keys.flatMap((key) => {
      const id = key.slice(key.lastIndexOf('/') + 1);
      return parseInstanceValue(etcd.get(key)!.value, id).endpoint ?? [];
    });
    assert.equal(this.#last?.fresh, true, 'fresh at last');
    assert.deepEqual(this.#last.endpoints, stored, 'the list is what etcd holds');
    for (const link of [...this.#pool.links]) link.set(stored.some(({ id }) => id === link.endpoint.id));
    await clock.advance(10);
    this.#balancer.tick();
    await clock.advance(10);
    if (this.#failure !== undefined) throw this.#failure;
    const known = [...this.#balancer.nodes].map(({ endpoint: { id } }) => id).sort();
    assert.deepEqual(
      known,
      stored.map(({ id }) => id),
      'the nodes are what etcd holds',
    );
    assert.equal(
      this.#balancer.readyCount,
      stored.filter(({ state }) => state === 'up').length,
      'those that are up take calls',
    );
  }

  #choose<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  #note(step: string, _done?: unknown): void {
    this.steps.push(`  ${step}`);
  }
}
