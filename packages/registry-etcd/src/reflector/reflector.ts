import type { Cancel, Clock, Random } from '@org/rpc-core';
import { Backoff } from '../backoff.js';
import type { ClientHolder } from '../client/client-holder.js';
import {
  asEtcdError,
  type EtcdError,
  type EtcdWatch,
  type KeyRange,
  type KeyValue,
  type WatchEvent,
} from '../client/etcd-port.js';
import type { EtcdTiming } from '../timing.js';
import { Freshness } from './freshness.js';
import { listRange, RANGE_ENTRIES_MAX, type ReadPage } from './list-range.js';
import { WatchAudit } from './watch-audit.js';

/** What a range holds, as far as is known. */
export interface Reflection {
  /** By key; the same map each time, to be read and not kept. */
  readonly entries: ReadonlyMap<string, KeyValue>;
  /** What was deleted since the reflection before, with the last values. */
  readonly removed: ReadonlyMap<string, KeyValue>;
  /** Whether etcd was heard from within the time of the watchdog; if not, this is the last known state. */
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
  /**
   * Called when a watch that seemed well has lost changes, before the range is listed anew.
   *
   * @param keys - those that are known to differ; empty when only their number differs
   */
  lost?(keys: readonly string[]): void;
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
 * ends, the revision goes backwards, or a while has passed, because etcd loses events, doubles them and delivers them late (its
 * changelogs of 3.4.24 to 3.4.38). The watchdog finds a watch that has gone silent: it makes reads that must be answered and must
 * agree with what the watch has sent.
 *
 * Source: the reflector of Kubernetes client-go (tools/cache/reflector.go).
 */
export class Reflector {
  readonly #range: KeyRange;
  readonly #sink: ReflectorSink;
  readonly #environment: ReflectorEnvironment;
  readonly #listBackoff: Backoff;
  readonly #watchBackoff: Backoff;
  readonly #audit: WatchAudit;
  readonly #freshness: Freshness;
  readonly #timers = new Set<Cancel>();
  #watch: EtcdWatch | undefined;
  #entries = new Map<string, KeyValue>();
  #removed = new Map<string, KeyValue>();
  /** When deleted keys were deleted: a doubled event must not bring them back. Emptied by each list. */
  readonly #deleted = new Map<string, number>();
  #listed = false;
  #listRevision = 0;
  #listedAt = Number.NEGATIVE_INFINITY;
  #publishing = false;
  /** Counts the cycles of list and watch; what comes from an earlier one is ignored. */
  #cycle = 0;
  #closed = false;

  constructor(range: KeyRange, sink: ReflectorSink, environment: ReflectorEnvironment) {
    this.#range = range;
    this.#sink = sink;
    this.#environment = environment;
    const { clock, random, timing } = environment;
    this.#listBackoff = new Backoff(clock, random, timing.listBackoff);
    this.#watchBackoff = new Backoff(clock, random, timing.watchBackoff);
    this.#audit = new WatchAudit({ size: () => this.#entries.size, revisionOf: (key) => this.#revisionOf(key) });
    const silenceMs = timing.watchdogMs + timing.callDeadlineMs + CHANGE_MS;
    this.#freshness = new Freshness(clock, silenceMs, () => this.#publish());
  }

  /** Begins. Call it once. */
  start(): void {
    void this.#relist();
  }

  /** Lists anew at once, at most once a second. While etcd does not answer, its next answer brings a list in any case. */
  refresh(): void {
    if (this.#watch === undefined || !this.#freshness.isFresh) return;
    if (this.#environment.clock.now() - this.#listedAt < REFRESH_MIN_MS) return;
    void this.#relist();
  }

  /** Ends it; the sink hears nothing more. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#freshness.close();
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
      // A listener may have closed this.
      if (cycle === this.#cycle) this.#follow(cycle, list.truncated);
    } catch (thrown) {
      if (this.#closed || cycle !== this.#cycle) return;
      const error = asEtcdError(thrown);
      this.#readFailed(error);
      this.#later(this.#listBackoff.next(), () => void this.#relist(), error);
    }
  }

  #replace(entries: Map<string, KeyValue>, revision: number): void {
    for (const [key, entry] of this.#entries) if (!entries.has(key)) this.#removed.set(key, entry);
    for (const key of entries.keys()) this.#removed.delete(key);
    this.#entries = entries;
    this.#deleted.clear();
    this.#listRevision = revision;
    this.#listedAt = this.#environment.clock.now();
    this.#listed = true;
    this.#listBackoff.forgive();
    this.#audit.reset(revision);
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

  /** Begins a new cycle after a wait. When the watch had lived for a while, the wait is as short as after a first failure. */
  #restart(): void {
    this.#endCycle();
    if (this.#environment.clock.now() - this.#listedAt > SHORT_LIVED_MS) this.#watchBackoff.forgive();
    this.#later(this.#watchBackoff.next(), () => void this.#relist());
  }

  #apply(events: readonly WatchEvent[], revision: number): void {
    this.#freshness.heard();
    // The store of this list is gone, or this member lags behind: only a new list can tell.
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

  /** Doubled and late events are recognised by their revision. */
  #applyOne(event: WatchEvent): boolean {
    const key = event.type === 'put' ? event.entry.key : event.key;
    const modRevision = event.type === 'put' ? event.entry.modRevision : event.modRevision;
    if (modRevision <= this.#listRevision || modRevision <= this.#revisionOf(key)) return false;
    this.#audit.telling(modRevision);
    const before = this.#entries.get(key);
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

  #revisionOf(key: string): number {
    return this.#entries.get(key)?.modRevision ?? this.#deleted.get(key) ?? 0;
  }

  /** Reads what was written since the last time, and compares it with what the watch has told. */
  async #check(cycle: number, truncated: boolean): Promise<void> {
    const { holder, timing } = this.#environment;
    let delayMs = timing.watchdogMs;
    try {
      const read: ReadPage = (request) =>
        holder.call(timing.callDeadlineMs, (port, deadlineMs) => port.range(request, deadlineMs));
      const list = await listRange(this.#range, read, { keysOnly: true, minModRevision: this.#audit.since });
      if (cycle !== this.#cycle) return;
      this.#readSucceeded();
      if (list.revision < this.#listRevision) return void this.#relist();
      // In a range that is too large, keys that were left out look like lost ones.
      const isWhole = !truncated && !list.truncated && this.#entries.size < RANGE_ENTRIES_MAX;
      const verdict = isWhole ? this.#audit.judge(list) : undefined;
      if (verdict?.kind === 'lost') {
        this.#sink.lost?.(verdict.keys);
        // Whoever heard of it may have closed us.
        return this.#closed ? undefined : void this.#relist();
      }
      if (verdict?.kind === 'doubtful') delayMs = timing.doubtMs;
    } catch (thrown) {
      if (this.#closed) return;
      // It counts even if it has ended this cycle already, by the loss of the connection.
      this.#readFailed(asEtcdError(thrown));
      if (cycle !== this.#cycle) return;
      if (!this.#freshness.isFresh) return this.#restart();
    }
    this.#later(delayMs, () => void this.#check(cycle, truncated));
  }

  #readSucceeded(): void {
    this.#freshness.succeeded();
    this.#sink.succeeded?.();
  }

  #readFailed(error: EtcdError): void {
    this.#sink.failed?.(error);
    this.#freshness.failed();
  }

  #publish(): void {
    this.#publishing = false;
    if (!this.#listed || this.#closed) return;
    const removed = this.#removed;
    this.#removed = new Map();
    this.#sink.reflect({ entries: this.#entries, removed, fresh: this.#freshness.isFresh });
  }

  #endCycle(): number {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#watch?.close();
    this.#watch = undefined;
    const cycle = ++this.#cycle;
    // Reports what was received and not yet reported, because the next list may take long.
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

/** Between two lists that somebody asks for, in milliseconds. */
const REFRESH_MIN_MS = 1_000;
/** A watch that ended sooner than this after its list is likely to do so again, in milliseconds. */
const SHORT_LIVED_MS = 1_000;
/** The time to find another host when one does not answer, in milliseconds. */
const CHANGE_MS = 1_000;
