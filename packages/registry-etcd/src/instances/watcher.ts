import type { Endpoint, Gone, GoneReason, Snapshot, Watch } from '@org/rpc-registry';
import { nextSnapshot, sameSnapshot } from '@org/rpc-registry/internal';
import type { KeyValue } from '../client/etcd-port.js';
import type { ServiceKeys } from '../keys.js';
import { RANGE_ENTRIES_MAX } from '../reflector/list-range.js';
import { type Reflection, Reflector, type ReflectorEnvironment } from '../reflector/reflector.js';
import { describeLost, isolate, Outage, type Report } from '../report.js';
import { parseInstanceValue } from './instance-value.js';

/** What a watcher works with. */
export interface WatcherEnvironment extends ReflectorEnvironment {
  readonly keys: ServiceKeys;
  readonly report: Report;
}

/** Is called with each list of a service. */
export type PublishSnapshot = (snapshot: Snapshot) => void;

interface Decoded {
  readonly entry: KeyValue;
  /** `undefined` when the value is no endpoint. */
  readonly endpoint: Endpoint | undefined;
  /** Why it is none. */
  readonly problem: string | undefined;
}

/** Turns what etcd holds of one service into snapshots, for all that watch it in a handle. */
export class ServiceWatcher {
  readonly #service: string;
  readonly #environment: WatcherEnvironment;
  readonly #reflector: Reflector;
  readonly #subscribers = new Set<PublishSnapshot>();
  /** By key: what its value holds, so that an unchanged value is neither parsed nor reported again. */
  readonly #decoded = new Map<string, Decoded>();
  #snapshot: Snapshot | undefined;
  #truncated = false;
  #skipped = 0;
  #skippedSince = Number.NEGATIVE_INFINITY;

  constructor(service: string, environment: WatcherEnvironment) {
    this.#service = service;
    this.#environment = environment;
    const outage = new Outage(environment.report, `watching ${service}`, service);
    const sink = {
      reflect: (reflection: Reflection) => this.#reflect(reflection),
      truncated: () => this.#reportTruncated(),
      lost: (keys: readonly string[]) => this.#reportLost(keys),
      failed: outage.failed.bind(outage),
      succeeded: outage.succeeded.bind(outage),
    };
    this.#reflector = new Reflector(environment.keys.instances(service), sink, environment);
  }

  /** Begins to ask etcd. To be ended with {@link close}. */
  start(): this {
    this.#reflector.start();
    return this;
  }

  /** Whether nobody listens. */
  get idle(): boolean {
    return this.#subscribers.size === 0;
  }

  /** Adds a listener; it hears what is known already after this has returned. */
  subscribe(publish: PublishSnapshot): Watch {
    let waiting = this.#snapshot !== undefined;
    // A new function for each subscriber: the same callback may be subscribed twice.
    const subscriber: PublishSnapshot = (snapshot) => {
      // For this listener nothing has left the list, because it has seen no list before.
      const known = waiting ? Object.freeze({ ...snapshot, gone: NONE }) : snapshot;
      waiting = false;
      isolate(() => publish(known));
    };
    this.#subscribers.add(subscriber);
    if (waiting) {
      queueMicrotask(() => {
        if (waiting && this.#subscribers.has(subscriber)) subscriber(this.#snapshot!);
      });
    }
    return { close: () => void this.#subscribers.delete(subscriber), refresh: () => this.#reflector.refresh() };
  }

  /** Ends it for all listeners. Idempotent. */
  close(): void {
    this.#subscribers.clear();
    this.#reflector.close();
  }

  #reflect({ entries, removed, fresh }: Reflection): void {
    const endpoints: Endpoint[] = [];
    for (const entry of entries.values()) {
      const endpoint = this.#decode(entry);
      if (endpoint !== undefined) endpoints.push(endpoint);
    }
    // All entries are in the map by now: with the same size there is nothing to remove.
    if (this.#decoded.size > entries.size)
      for (const key of this.#decoded.keys()) if (!entries.has(key)) this.#decoded.delete(key);
    const before = this.#snapshot;
    const next = nextSnapshot(endpoints, before, (id) => this.#reasonOf(id, removed));
    const snapshot = fresh ? next : Object.freeze({ ...next, fresh });
    if (sameSnapshot(snapshot, before)) return;
    this.#snapshot = snapshot;
    for (const subscriber of [...this.#subscribers]) {
      // A copy, because a listener may close another one.
      if (this.#subscribers.has(subscriber)) subscriber(snapshot);
    }
  }

  /** Looks at the last value of the key, not at the last published one: a goodbye and the deletion may come together. */
  #reasonOf(id: string, removed: ReadonlyMap<string, KeyValue>): GoneReason {
    const last = removed.get(this.#environment.keys.instanceKey(this.#service, id));
    const state = last && parseInstanceValue(last.value, id).endpoint?.state;
    return state === 'draining' ? 'left' : 'unknown';
  }

  #decode(entry: KeyValue): Endpoint | undefined {
    const known = this.#decoded.get(entry.key);
    if (known?.entry === entry) return known.endpoint;
    if (known?.endpoint !== undefined && Buffer.compare(known.entry.value, entry.value) === 0) {
      this.#decoded.set(entry.key, { ...known, entry });
      return known.endpoint;
    }
    const id = this.#environment.keys.instanceId(this.#service, entry.key);
    const parsed = id === undefined ? { problem: 'its key names no instance' } : parseInstanceValue(entry.value, id);
    const { endpoint, problem } = parsed;
    // Reported once, however often the same value is written.
    if (problem !== undefined && problem !== known?.problem) this.#reportSkipped(`${entry.key} is skipped: ${problem}`);
    this.#decoded.set(entry.key, { entry, endpoint, problem });
    return parsed.endpoint;
  }

  /** Bounded per minute: thousands of invalid values must not fill the logs. */
  #reportSkipped(message: string): void {
    const now = this.#environment.clock.now();
    if (now - this.#skippedSince > SKIPPED_WINDOW_MS) {
      this.#skippedSince = now;
      this.#skipped = 0;
    }
    this.#skipped++;
    if (this.#skipped <= SKIPPED_MAX) this.#reportInvalid(message);
    else if (this.#skipped === SKIPPED_MAX + 1)
      this.#reportInvalid(`${this.#service} has more entries that are skipped; they are not named for a minute`);
  }

  #reportInvalid(message: string): void {
    this.#environment.report({ kind: 'invalidEntry', message, service: this.#service });
  }

  #reportLost(keys: readonly string[]): void {
    const message = describeLost(`watching ${this.#service}`, keys);
    this.#environment.report({ kind: 'lost', message, service: this.#service });
  }

  #reportTruncated(): void {
    if (this.#truncated) return;
    this.#truncated = true;
    this.#reportInvalid(`${this.#service} has more than ${RANGE_ENTRIES_MAX} entries; the rest are ignored`);
  }
}

const NONE: readonly Gone[] = Object.freeze([]);
const SKIPPED_MAX = 100;
const SKIPPED_WINDOW_MS = 60_000;
