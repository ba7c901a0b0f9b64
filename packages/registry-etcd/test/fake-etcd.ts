import type { Clock } from '@org/rpc-core';
import {
  EtcdError,
  type EtcdPort,
  type EtcdWatch,
  type KeyRange,
  type KeyValue,
  type WatchEvent,
  type WatchListener,
} from '../src/client/etcd-port.js';

/** What is done to a call instead of answering it: an error, silence for ever, or the work without the answer. */
export type Fault = EtcdError | 'hang' | 'loseAnswer';

/** The methods of the port that are calls; a `probe` is a range that asks for nothing but an answer. */
export type CallName =
  | 'grant'
  | 'keepAliveOnce'
  | 'revoke'
  | 'put'
  | 'putIf'
  | 'deleteIf'
  | 'transact'
  | 'range'
  | 'probe';

interface StoredLease {
  readonly ttlSeconds: number;
  expiresAt: number;
}

interface LoggedEvent {
  readonly event: WatchEvent;
  readonly revision: number;
}

/** A watch that a port has opened here. */
export interface OpenWatch extends KeyRange {
  readonly port: EtcdPort;
  readonly listener: WatchListener;
}

/**
 * An etcd in memory: revisions, leases, watches from a past revision, compaction; and everything that goes wrong with one, on
 * demand. It has no timer: leases that have run out are dropped at the next call, or by {@link FakeEtcd.expire}.
 */
export class FakeEtcd {
  readonly clock: Clock;
  /** What each call meets; looked at anew for each one. */
  fault: (call: CallName, host: string) => Fault | undefined = () => undefined;
  /** While true, open watches hear nothing. What they miss is lost. */
  mute = false;
  /** How many connections were made, by host. */
  readonly connections: string[] = [];
  /** All calls so far but probes, by name. */
  readonly calls: CallName[] = [];
  /** When probes came. */
  readonly probes: number[] = [];
  readonly watches = new Set<OpenWatch>();
  revision = 1;
  readonly #keys = new Map<string, KeyValue>();
  readonly #leases = new Map<string, StoredLease>();
  /** The keys in order; `undefined` when some came or went. */
  #sorted: readonly string[] | undefined;
  #log: LoggedEvent[] = [];
  #compacted = 0;
  #leaseIds = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get leaseIds(): readonly string[] {
    return [...this.#leases.keys()];
  }

  get keys(): readonly string[] {
    this.#sorted ??= [...this.#keys.keys()].sort();
    return this.#sorted;
  }

  get(key: string): KeyValue | undefined {
    return this.#keys.get(key);
  }

  text(key: string): string | undefined {
    const entry = this.#keys.get(key);
    return entry && Buffer.from(entry.value).toString();
  }

  inRange({ key, rangeEnd }: KeyRange): KeyValue[] {
    const inside = (candidate: string): boolean =>
      rangeEnd === undefined ? candidate === key : candidate >= key && candidate < rangeEnd;
    return this.keys.filter(inside).map((found) => this.#keys.get(found)!);
  }

  put(key: string, value: string | Uint8Array, leaseId = '0'): number {
    if (leaseId !== '0' && !this.#leases.has(leaseId)) {
      throw new EtcdError('leaseNotFound', 'etcdserver: requested lease not found');
    }
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    const entry = { key, value: bytes, modRevision: ++this.revision, leaseId };
    if (!this.#keys.has(key)) this.#sorted = undefined;
    this.#keys.set(key, entry);
    this.#publish({ type: 'put', entry });
    return this.revision;
  }

  delete(key: string): boolean {
    if (!this.#keys.delete(key)) return false;
    this.#sorted = undefined;
    this.#publish({ type: 'delete', key, modRevision: ++this.revision });
    return true;
  }

  grant(ttlSeconds: number): string {
    const id = `lease-${++this.#leaseIds}`;
    this.#leases.set(id, { ttlSeconds, expiresAt: this.clock.now() + ttlSeconds * 1_000 });
    return id;
  }

  /** The seconds that a lease has after its renewal, 0 when there is none. */
  renew(leaseId: string): number {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) return 0;
    lease.expiresAt = this.clock.now() + lease.ttlSeconds * 1_000;
    return lease.ttlSeconds;
  }

  revoke(leaseId: string): void {
    this.#leases.delete(leaseId);
    for (const { key, leaseId: held } of [...this.#keys.values()]) if (held === leaseId) this.delete(key);
  }

  /** Drops the leases that have run out. */
  expire(): void {
    for (const [id, { expiresAt }] of [...this.#leases]) if (expiresAt <= this.clock.now()) this.revoke(id);
  }

  /** Forgets the past up to a revision; watches from there on end. */
  compact(revision: number): void {
    this.#compacted = revision;
    this.#log = this.#log.filter((logged) => logged.revision > revision);
  }

  /** Replaces the cluster by an empty one that begins its revisions anew. */
  wipe(): void {
    this.#keys.clear();
    this.#sorted = undefined;
    this.#leases.clear();
    this.#log = [];
    this.#compacted = 0;
    this.revision = 1;
    this.breakWatches();
  }

  /** Ends all watches, as a lost connection does. */
  breakWatches(error = new EtcdError('unavailable', 'connection reset')): void {
    for (const watch of [...this.watches]) {
      this.watches.delete(watch);
      watch.listener.onEnd(error);
    }
  }

  /** Tells open watches of events as if they had just happened. */
  inject(events: readonly WatchEvent[], revision = this.revision): void {
    for (const { listener } of [...this.watches]) listener.onEvents(events, revision);
  }

  watch(watch: OpenWatch, startRevision: number): EtcdWatch {
    if (startRevision <= this.#compacted) {
      queueMicrotask(() => watch.listener.onEnd(new EtcdError('compacted', 'required revision has been compacted')));
      return { close: () => undefined };
    }
    this.watches.add(watch);
    const missed = this.#log.filter(({ event, revision }) => revision >= startRevision && this.#concerns(watch, event));
    if (missed.length > 0) {
      queueMicrotask(() => {
        if (!this.watches.has(watch) || this.mute) return;
        watch.listener.onEvents(
          missed.map(({ event }) => event),
          this.revision,
        );
      });
    }
    return { close: () => void this.watches.delete(watch) };
  }

  #publish(event: WatchEvent): void {
    this.#log.push({ event, revision: this.revision });
    if (this.mute) return;
    for (const watch of [...this.watches]) {
      if (this.#concerns(watch, event)) watch.listener.onEvents([event], this.revision);
    }
  }

  #concerns({ key, rangeEnd }: KeyRange, event: WatchEvent): boolean {
    const changed = event.type === 'put' ? event.entry.key : event.key;
    return rangeEnd === undefined ? changed === key : changed >= key && changed < rangeEnd;
  }
}
