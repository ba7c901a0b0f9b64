import type { Cancel, Clock, Random } from '@org/rpc-core';
import { Backoff } from './backoff.js';
import type { ClientHolder } from './client-holder.js';
import {
  asEtcdError,
  type EtcdError,
  type EtcdWatch,
  type KeyRange,
  type KeyValue,
  type WatchEvent,
} from './etcd-port.js';
import { listRange, RANGE_ENTRIES_MAX } from './list-range.js';
import type { EtcdTiming } from './timing.js';

/** What a range holds, as far as is known. */
export interface Reflection {
  /** By key; the same map each time, to be read and not kept. */
  readonly entries: ReadonlyMap<string, KeyValue>;
  /** What was deleted since the reflection before, as it was last. */
  readonly removed: ReadonlyMap<string, KeyValue>;
  /** False while etcd can't be read: this is then what it held last. */
  readonly fresh: boolean;
}

/** Who is told of a range. None of these functions may throw. */
export interface ReflectorSink {
  /** Called when the range was read, when it changed, and when it became or ceased to be fresh. */
  reflect(reflection: Reflection): void;
  /** Called for each read that failed; it will be repeated. */
  failed?(error: EtcdError): void;
  /** Called for each read that succeeded. */
  succeeded?(): void;
  /** Called when a range holds more than is read of it. */
  truncated?(): void;
}

/** What a reflector works with. */
export interface ReflectorEnvironment {
  readonly holder: ClientHolder;
  readonly clock: Clock;
  readonly random: Random;
  readonly timing: EtcdTiming;
}

/**
 * Keeps a copy of a range of etcd: lists it at one revision, watches from the next one on, and lists it anew whenever the watch
 * ends for whatever reason, the revision goes backwards, or a while has passed, because etcd loses events, doubles them and
 * delivers them late (its changelogs of 3.4.24 to 3.4.38). A watch that has gone silent is found by reads that must be answered.
 *
 * Source: the reflector of Kubernetes client-go (tools/cache/reflector.go).
 */
export class Reflector {
  readonly #range: KeyRange;
  readonly #sink: ReflectorSink;
  readonly #environment: ReflectorEnvironment;
  readonly #backoff: Backoff;
  readonly #timers = new Set<Cancel>();
  #watch: EtcdWatch | undefined;
  #entries = new Map<string, KeyValue>();
  #removed = new Map<string, KeyValue>();
  /** When deleted keys were deleted: a doubled event must not bring them back. Emptied by each list. */
  readonly #deleted = new Map<string, number>();
  #listed = false;
  #listRevision = 0;
  #fresh = false;
  #failures = 0;
  #miscounts = 0;
  #publishing = false;
  /** Counts the cycles of list and watch; what comes from an earlier one is ignored. */
  #cycle = 0;
  #closed = false;

  constructor(range: KeyRange, sink: ReflectorSink, environment: ReflectorEnvironment) {
    this.#range = range;
    this.#sink = sink;
    this.#environment = environment;
    this.#backoff = new Backoff(environment.clock, environment.random, environment.timing.watchBackoff);
  }

  /** Begins. Call it once. */
  start(): void {
    void this.#relist();
  }

  /** Ends it; the sink hears nothing more. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#endCycle();
  }

  /** One cycle: ends the one before, lists, and watches from there on. Never rejects. */
  async #relist(): Promise<void> {
    const cycle = this.#endCycle();
    const { holder, timing } = this.#environment;
    try {
      const list = await listRange(this.#range, (request) =>
        holder.call(timing.callDeadlineMs, (port, deadlineMs) => port.range(request, deadlineMs)),
      );
      if (this.#closed || cycle !== this.#cycle) return;
      this.#replace(list.entries, list.revision);
      if (list.truncated) this.#sink.truncated?.();
      // Whoever heard of it may have closed us.
      if (cycle === this.#cycle) this.#follow(cycle, list.truncated);
    } catch (thrown) {
      if (this.#closed || cycle !== this.#cycle) return;
      const error = asEtcdError(thrown);
      this.#readFailed(error);
      this.#later(this.#backoff.next(), () => void this.#relist(), error);
    }
  }

  #replace(entries: Map<string, KeyValue>, revision: number): void {
    for (const [key, entry] of this.#entries) if (!entries.has(key)) this.#removed.set(key, entry);
    for (const key of entries.keys()) this.#removed.delete(key);
    this.#entries = entries;
    this.#deleted.clear();
    this.#listRevision = revision;
    this.#listed = true;
    this.#miscounts = 0;
    this.#readSucceeded();
    this.#publish();
  }

  #follow(cycle: number, truncated: boolean): void {
    const { holder, timing, random } = this.#environment;
    this.#watch = holder.watch(
      { ...this.#range, startRevision: this.#listRevision + 1 },
      {
        onEvents: (events, revision) => {
          if (cycle === this.#cycle) this.#apply(events, revision);
        },
        onEnd: () => {
          if (cycle === this.#cycle) this.#restart();
        },
      },
    );
    this.#later(timing.resyncMs * (0.5 + random()), () => void this.#relist());
    this.#later(timing.watchdogMs, () => void this.#check(cycle, truncated));
  }

  /** A new cycle, but not at once. */
  #restart(): void {
    this.#endCycle();
    this.#later(this.#backoff.next(), () => void this.#relist());
  }

  #apply(events: readonly WatchEvent[], revision: number): void {
    // The store that this list came from is gone, or this member lags behind it: only a new list can tell.
    if (events.length > 0 && revision < this.#listRevision) {
      this.#restart();
      return;
    }
    let changed = false;
    for (const event of events) changed = this.#applyOne(event) || changed;
    if (!changed || this.#publishing) return;
    this.#publishing = true;
    this.#later(this.#environment.timing.coalesceMs, () => this.#publish());
  }

  /** Doubled and late events are told by their revision. */
  #applyOne(event: WatchEvent): boolean {
    const key = event.type === 'put' ? event.entry.key : event.key;
    const modRevision = event.type === 'put' ? event.entry.modRevision : event.modRevision;
    const before = this.#entries.get(key);
    const known = before?.modRevision ?? this.#deleted.get(key) ?? 0;
    if (modRevision <= this.#listRevision || modRevision <= known) return false;
    if (event.type === 'put') {
      if (before === undefined && this.#entries.size >= RANGE_ENTRIES_MAX) return false;
      this.#entries.set(key, event.entry);
      this.#removed.delete(key);
      return true;
    }
    this.#deleted.set(key, modRevision);
    if (before === undefined) return false;
    this.#entries.delete(key);
    this.#removed.set(key, before);
    return true;
  }

  /**
   * Asks whether etcd still answers, and for the number of keys: a number that is wrong twice in a row is a watch that has
   * lost something.
   */
  async #check(cycle: number, truncated: boolean): Promise<void> {
    const { holder, timing } = this.#environment;
    try {
      const request = { ...this.#range, limit: 1, keysOnly: true };
      const page = await holder.call(timing.callDeadlineMs, (port, deadlineMs) => port.range(request, deadlineMs));
      if (cycle !== this.#cycle) return;
      this.#readSucceeded();
      const miscounted = page.count !== this.#entries.size && !truncated;
      this.#miscounts = miscounted ? this.#miscounts + 1 : 0;
      if (this.#miscounts >= MISCOUNTS_MAX || page.revision < this.#listRevision) return void this.#relist();
    } catch (thrown) {
      if (this.#closed) return;
      // It counts even if it has ended this cycle already, by the loss of the connection.
      this.#readFailed(asEtcdError(thrown));
      if (cycle !== this.#cycle) return;
      if (!this.#fresh) return this.#restart();
    }
    this.#later(timing.watchdogMs, () => void this.#check(cycle, truncated));
  }

  #readSucceeded(): void {
    this.#failures = 0;
    this.#fresh = true;
    this.#sink.succeeded?.();
  }

  /** One failure is an accident. */
  #readFailed(error: EtcdError): void {
    this.#failures++;
    this.#sink.failed?.(error);
    if (this.#failures < FAILURES_MAX || !this.#fresh) return;
    this.#fresh = false;
    this.#publish();
  }

  #publish(): void {
    this.#publishing = false;
    if (!this.#listed || this.#closed) return;
    const removed = this.#removed;
    this.#removed = new Map();
    this.#sink.reflect({ entries: this.#entries, removed, fresh: this.#fresh });
  }

  #endCycle(): number {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#watch?.close();
    this.#watch = undefined;
    const cycle = ++this.#cycle;
    // What was heard and not yet told is told now, for the next list may be long in coming.
    if (this.#publishing) this.#publish();
    return cycle;
  }

  /** @param failed - what it comes after, if that was a failure: it may then come sooner */
  #later(delayMs: number, run: () => void, failed?: EtcdError): void {
    if (this.#closed) return;
    const { clock, holder } = this.#environment;
    const expire = (): void => {
      this.#timers.delete(cancel);
      run();
    };
    const cancel = failed === undefined ? clock.schedule(delayMs, expire, true) : holder.retry(failed, delayMs, expire);
    this.#timers.add(cancel);
  }
}

const FAILURES_MAX = 2;
const MISCOUNTS_MAX = 2;
