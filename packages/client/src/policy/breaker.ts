import type { MethodRef } from '@org/rpc-core';
import { probeDelayMs } from './backoff.js';
import type { ArmedBreaker, BreakerGroup, BreakerValues } from './breaker-group.js';
import { type BreakerHistory, BreakerRecorder, type BreakerRecorderEvents, BUCKETS } from './breaker-recorder.js';
import type { OutcomeKind } from './outcome.js';

/** To whom a breaker belongs. */
export interface BreakerOwner {
  /** `host:port` of the node. */
  readonly address: string;
  /** The id of the instance there. */
  readonly instance?: string | undefined;
  /** The breaker has opened, or has closed after it was open. */
  breakerChanged(breaker: Breaker): void;
}

/**
 * The circuit breaker of one node and one method: says whether calls should be kept away, and refuses none itself.
 *
 * While nothing fails a success costs one increment. The first failure arms it: from then on outcomes are recorded in a
 * sliding window that starts with the successes counted so far. Above the threshold it opens. After a while one trial call
 * is due, and the outcome of that call alone decides; calls that started before it opened or while it was open say nothing.
 */
export class Breaker implements ArmedBreaker {
  readonly fault = 'breaker';
  readonly service: string;
  readonly method: string;
  readonly #group: BreakerGroup;
  readonly #owner: BreakerOwner;
  readonly #events: BreakerRecorderEvents;
  readonly #valuesNow: () => BreakerValues;
  #values: BreakerValues;
  /** Successes while not armed, a bucket each; the current one at `#tick % BUCKETS`. */
  readonly #counts: number[] = new Array<number>(BUCKETS).fill(0);
  #tick = 0;
  #recorder: BreakerRecorder | undefined;
  #open = false;
  /** The outcome of the trial call is known and being recorded. */
  #deciding = false;
  /** When it last opened or closed. */
  #changedAt = Number.NEGATIVE_INFINITY;
  #outageFrom = 0;
  #probeAt = 0;

  /** @param valuesNow - what holds for the method, which rules may change; left out: what the group says */
  constructor(
    group: BreakerGroup,
    owner: BreakerOwner,
    { service, method }: Pick<MethodRef, 'service' | 'method'>,
    valuesNow: () => BreakerValues = () => group.options,
  ) {
    this.#group = group;
    this.#valuesNow = valuesNow;
    this.#values = valuesNow();
    this.#owner = owner;
    this.service = service;
    this.method = method;
    this.#events = { opened: () => this.#opened(), closed: () => this.#closed() };
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Since when it has been open, or the outage that it has seen, in the clock's milliseconds. Means nothing while it is closed. */
  get from(): number {
    return this.#outageFrom;
  }

  /** Whether a failure lies in its window. */
  get hasFailures(): boolean {
    return this.#recorder?.hasFailures ?? false;
  }

  /** Whether it is open and the trial call is due. */
  isDue(now: number): boolean {
    return this.#open && !this.#deciding && now >= this.#probeAt;
  }

  /** How long until the trial call is due, in milliseconds; 0 when it is. Means nothing while it is closed. */
  trialInMs(now: number): number {
    return Math.max(0, this.#probeAt - now);
  }

  /**
   * Other rules are in force: takes over what holds from now on. What was counted stays counted, and an open breaker open until its
   * trial, unless none is to be open any more.
   */
  refresh(): void {
    const before = this.#values;
    const values = this.#valuesNow();
    this.#values = values;
    if (isSame(before, values)) return;
    const { clock } = this.#group;
    const now = clock.now();
    if (isOff(values)) {
      this.disarm();
      this.#recorder?.close();
      this.#recorder = undefined;
      if (this.#open) this.#change(false, now, 0);
      return;
    }
    const isCutAnew = before.windowMs !== values.windowMs;
    if (isCutAnew) this.#cutAnew(before.windowMs, now);
    const recorder = this.#recorder;
    if (recorder === undefined || this.#open) return;
    const { history } = recorder;
    recorder.close();
    this.#recorder = undefined;
    this.#begin(isCutAnew ? { successes: [sum(history.successes)], failures: [sum(history.failures)] } : history, now);
  }

  /** Counts the outcome of a call that is not the trial call. Only `ok` and `failure` say anything here. */
  record(kind: OutcomeKind, startedAt: number, now: number): void {
    if ((kind !== 'ok' && kind !== 'failure') || isOff(this.#values)) return;
    // It started before the last change, or at the same moment: that time has already been judged.
    if (this.#open || startedAt <= this.#changedAt) return;
    if (this.#recorder !== undefined) {
      this.#recorder.record(kind === 'ok');
    } else if (kind === 'ok') {
      this.#roll(now);
      this.#counts[this.#tick % BUCKETS]!++;
    } else this.#arm(now);
  }

  /** Takes the outcome of the trial call. */
  recordProbe(kind: OutcomeKind, now: number): void {
    if (!this.#open || this.#deciding) return;
    const { random } = this.#group;
    const options = this.#values;
    switch (kind) {
      case 'ok':
      case 'business':
      case 'failure':
        this.#deciding = true;
        this.#recorder = BreakerRecorder.halfOpen(options, this.#events);
        this.#recorder.record(kind !== 'failure');
        break;
      case 'overload':
        // It is only overloaded, and must not be tried again and again.
        this.#probeAt = now + probeDelayMs(options.openMs, 0, random);
        break;
      case 'ignore':
      // The trial has shown nothing: the next call may be one.
    }
  }

  /** Makes the trial call due now, because something else has shown that the node is back. */
  expedite(now: number): void {
    this.#probeAt = Math.min(this.#probeAt, now);
  }

  /** Goes back to counting successes only. */
  disarm(): void {
    const recorder = this.#recorder;
    this.#group.release(this);
    if (recorder === undefined || this.#open) return;
    this.#recorder = undefined;
    recorder.history.successes.forEach((successes, age) => {
      this.#counts[this.#bucket(this.#tickAt(this.#group.clock.now()) - age)] = successes;
    });
    this.#tick = this.#tickAt(this.#group.clock.now());
    recorder.close();
  }

  /** The node is gone: lets go of everything. */
  close(): void {
    this.#group.release(this);
    this.#recorder?.close();
    this.#recorder = undefined;
    this.#open = false;
  }

  /** The first failure. */
  #arm(now: number): void {
    this.#roll(now);
    const successes = this.#counts.map((_, age) => this.#counts[this.#bucket(this.#tick - age)]!);
    if (this.#begin({ successes, failures: [] }, now)) this.#recorder!.record(false);
  }

  /** Begins a window with what is known. @returns whether there is room for it */
  #begin(history: BreakerHistory, now: number): boolean {
    const rotation = this.#group.arm(this, this.#values.windowMs, now);
    if (rotation === undefined) return false;
    this.#recorder = BreakerRecorder.armed(this.#values, rotation, this.#events, history);
    return true;
  }

  /** The window has another length: what was counted counts as of now. */
  #cutAnew(windowMs: number, now: number): void {
    this.#roll(now, windowMs);
    const counted = sum(this.#counts);
    this.#tick = this.#tickAt(now);
    this.#counts.fill(0);
    this.#counts[this.#bucket(this.#tick)] = counted;
  }

  #opened(): void {
    const { clock, random } = this.#group;
    const options = this.#values;
    const now = clock.now();
    // An outage that returns soon after its end counts as the same outage.
    if (!this.#open && now - this.#changedAt > options.windowMs) this.#outageFrom = now;
    const openForMs = probeDelayMs(options.openMs, now - this.#outageFrom, random);
    this.#probeAt = now + openForMs;
    this.#recorder = undefined;
    this.#group.release(this);
    this.#change(true, now, openForMs);
  }

  #closed(): void {
    const now = this.#group.clock.now();
    this.#counts.fill(0);
    this.#recorder?.close();
    this.#recorder = undefined;
    this.#begin(NO_HISTORY, now);
    this.#change(false, now, 0);
  }

  #change(open: boolean, now: number, openForMs: number): void {
    const wasOpen = this.#open;
    this.#open = open;
    this.#deciding = false;
    this.#changedAt = now;
    if (wasOpen === open) return;
    this.#owner.breakerChanged(this);
    this.#group.report({
      endpoint: this.#owner.address,
      instance: this.#owner.instance,
      service: this.service,
      method: this.method,
      state: open ? 'open' : 'closed',
      openForMs,
    });
  }

  /** Turns the counts up to now. */
  #roll(now: number, windowMs: number = this.#values.windowMs): void {
    const tick = this.#tickAt(now, windowMs);
    if (tick === this.#tick) return;
    const turns = Math.min(tick - this.#tick, BUCKETS);
    for (let turn = 0; turn < turns; turn++) this.#counts[this.#bucket(tick - turn)] = 0;
    this.#tick = tick;
  }

  #tickAt(now: number, windowMs: number = this.#values.windowMs): number {
    return Math.floor((now * BUCKETS) / windowMs);
  }

  #bucket(tick: number): number {
    return ((tick % BUCKETS) + BUCKETS) % BUCKETS;
  }
}

const NO_HISTORY: BreakerHistory = { successes: [], failures: [] };

function isOff({ errorPercent }: BreakerValues): boolean {
  return errorPercent >= 100;
}

function isSame(a: BreakerValues, b: BreakerValues): boolean {
  const isLike = a.errorPercent === b.errorPercent && a.minCalls === b.minCalls;
  return isLike && a.windowMs === b.windowMs && a.openMs === b.openMs;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
