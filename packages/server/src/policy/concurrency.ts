import type { Clock, Random, RpcError } from '@org/rpc-core';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';
import { AdaptiveLimit, type AdaptiveLimitOptions } from './adaptive-limit.js';
import { MethodTimes } from './method-times.js';
import { Refusals } from './refusals.js';
import { TurnWatch } from './turn-watch.js';
import { isOver, type Waiting, WaitingLine } from './waiting-line.js';

/** How many calls may run at once, and how many more may wait. */
export interface ServerConcurrency {
  /** Calls of all connections together, 1 to 1,000,000; or the bounds of a limit that adapts to how long calls take. */
  readonly max: number | { readonly adaptive: AdaptiveLimitOptions };
  /**
   * Calls that may wait for one to end, 0 to 1,000,000 (default 0). Higher priorities go first; callers of equal priority take turns. A call
   * whose deadline has passed, or whose caller has given up, does not run.
   */
  readonly queue?: number | undefined;
}

/** What a server does under overload. */
export interface OverloadOptions {
  /** How long handlers may hold the event loop in one turn, 10 to 10,000 ms (default 100); after that no further call begins in it. */
  readonly turnMs?: number | undefined;
  /** Calls that may wait for the next turn, 0 to 1,000,000 (default: 1,000, or as many as a whole turn has time for, if that is more). */
  readonly queue?: number | undefined;
}

/** {@link OverloadOptions} with every default in place. */
export interface ResolvedOverload {
  readonly turnMs: number;
  /** `undefined`: as many calls as one turn has time for. */
  readonly queue?: number | undefined;
}

/** How many calls may wait for a turn, unless a bound is given or a turn has time for more. */
const TURN_QUEUE_MIN = 1_000;

/** A refused caller is told to come back after 50 to 150 % of this, in milliseconds. */
const RETRY_AFTER_MS = 100;

/** The present state of a concurrency limit. */
export interface ServerConcurrencyState {
  /** What is limited: `the server`, a service, or `service.method`. */
  readonly what: string;
  /** Calls that may run at once, `undefined` for no bound; of an adaptive limit, its present value. */
  readonly max: number | undefined;
  /** Calls that run. */
  readonly running: number;
  /** Calls that wait to run. */
  readonly waiting: number;
}

/** What a concurrency limit is made from. */
export interface ConcurrencyLimitParts {
  /** `Infinity` for no bound. */
  readonly max: number | { readonly adaptive: AdaptiveLimitOptions };
  readonly queue: number;
  /** `undefined`: turns are not watched. */
  readonly overload?: ResolvedOverload | undefined;
  /** What is limited, for errors (default: the server). */
  readonly what?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** See {@link TurnWatch} (default: always 0). */
  readonly preemptedMs?: (() => number) | undefined;
}

/**
 * Bounds how many calls run at once, and how many begin in one turn of the event loop. Waiting calls are let in by priority, see
 * `WaitingLine`. A waiting call with less time left than its method usually takes is refused.
 */
export class ConcurrencyLimit<Entry extends MethodEntry = MethodEntry> implements Admission<Entry> {
  readonly #what: string;
  readonly #queue: number;
  readonly #turnQueue: number | undefined;
  readonly #clock: Clock;
  readonly #turn: TurnWatch | undefined;
  readonly #adaptive: AdaptiveLimit | undefined;
  readonly #times = new MethodTimes<Entry>();
  readonly #line = new WaitingLine<Entry>();
  readonly #full: Refusals;
  readonly #queueFull: Refusals;
  readonly #turnFull: Refusals;
  readonly #impatient: Refusals;
  readonly #unfit: Refusals;
  #max: number;
  #running = 0;
  /** How long the last call that left the line to run had waited, and when it left. */
  #waitedMs = 0;
  #takenAt = 0;
  /** Whether this turn of the event loop takes no more calls. */
  #isUsedUp = false;
  #isReleasing = false;

  constructor({ max, queue, overload, what = 'the server', clock, random, preemptedMs }: ConcurrencyLimitParts) {
    this.#what = what;
    this.#queue = queue;
    this.#turnQueue = overload === undefined ? 0 : overload.queue;
    this.#clock = clock;
    this.#adaptive = typeof max === 'number' ? undefined : new AdaptiveLimit(max.adaptive);
    this.#max = typeof max === 'number' ? max : this.#adaptive!.limit;
    this.#turn = overload && new TurnWatch(clock, overload.turnMs, () => this.#nextTurn(), preemptedMs);
    const noTime = `the server has no time: handlers hold it for more than ${overload?.turnMs} ms (overload.turnMs)`;
    let runs = 'the server runs as many calls as it can do at once (concurrency.max, adaptive)';
    // Without a bound on running calls, a call waits only because the turn is used up.
    if (typeof max === 'number')
      runs = Number.isFinite(max) ? `${what} runs ${max} calls already (concurrency.max)` : noTime;
    const refusals = (reason: string, retryAfterMs: number | undefined = RETRY_AFTER_MS): Refusals =>
      new Refusals('RESOURCE_EXHAUSTED', reason, retryAfterMs, random);
    // Without a queue, callers should try another node at once; with one, they should spare this server.
    this.#full = refusals(runs, queue === 0 ? undefined : RETRY_AFTER_MS);
    this.#queueFull = refusals(`${runs} and ${queue} wait (concurrency.queue)`);
    const waiting = this.#turnQueue === undefined ? 'as many calls as a turn has time for' : `${this.#turnQueue} calls`;
    this.#turnFull = refusals(`${noTime}, and ${waiting} wait (overload.queue)`);
    this.#impatient = refusals('the server has more to do than it can, and this call has waited for half of its time');
    const unfit = 'the server has more to do than it can, and this call would not end in time by what its method takes';
    this.#unfit = new Refusals('DEADLINE_EXCEEDED', unfit, undefined, random);
  }

  /** How many calls run. */
  get running(): number {
    return this.#running;
  }

  /** How many calls wait. */
  get waiting(): number {
    return this.#line.size;
  }

  /** How long calls wait now, in milliseconds: as long as the last one let in had waited, or the time since then, if that is longer. */
  get queueMs(): number {
    return this.#line.size === 0 ? 0 : Math.max(this.#waitedMs, this.#clock.now() - this.#takenAt);
  }

  /** How many calls may run at once. */
  get max(): number {
    return this.#max;
  }

  /** For people and tools. */
  state(): ServerConcurrencyState {
    const max = Number.isFinite(this.#max) ? this.#max : undefined;
    return { what: this.#what, max, running: this.#running, waiting: this.waiting };
  }

  /** How long bytes read at this time may have waited unread, in milliseconds. */
  stallBefore(readAt: number): number {
    return this.#turn === undefined ? 0 : this.#turn.stallBefore(readAt);
  }

  /** The process has just stood still for `ms`, whatever the reason. */
  stalled(ms: number, now: number): void {
    this.#turn?.stalled(ms, now);
  }

  enter(call: IncomingCall<Entry>): RpcError | undefined | Promise<RpcError | undefined> {
    const turn = this.#turn;
    if (turn?.counts()) this.#look(call, turn);
    if (turn === undefined || turn.isHeld) call.hasTime = false;
    if (this.#line.size === 0 && this.#running < this.#max && !this.#isUsedUp) {
      this.#running++;
      if (this.#adaptive !== undefined) call.sampledAt = this.#clock.now();
      return undefined;
    }
    return this.#wait(call);
  }

  leave(call: IncomingCall<Entry>, error: unknown): void {
    this.#running--;
    if (call.sampledAt !== undefined) this.#sampled(call, call.sampledAt, error);
    if (this.#line.size > 0 && !this.#isReleasing) this.#release();
  }

  /** Drops waiting calls that nobody wants an answer to any more; called about once a second, because handlers may never end. */
  sweep(): void {
    if (this.#line.size === 0) return;
    const now = this.#clock.now();
    for (const waiting of this.#line.takeOver(now)) waiting.settle(this.#full.next());
  }

  #look(call: IncomingCall<Entry>, turn: TurnWatch): void {
    const now = this.#clock.now();
    call.sampledAt = now;
    if (turn.isUsedUp(now, this.#line.size > 0)) this.#isUsedUp = true;
  }

  #sampled(call: IncomingCall<Entry>, from: number, error: unknown): void {
    const now = this.#clock.now();
    const ms = now - from;
    // The length of a stream says nothing about how long its method takes.
    if (error !== undefined || call.abandoned || call.outlived || call.stream !== undefined) return;
    this.#times.record(call.entry, ms);
    if (this.#adaptive === undefined) return;
    this.#adaptive.record(ms, this.#running + 1, now);
    this.#max = this.#adaptive.limit;
  }

  #wait(call: IncomingCall<Entry>): RpcError | Promise<RpcError | undefined> {
    const hasPlace = this.#running < this.#max;
    const room = hasPlace ? Math.max(this.#queue, this.#turnRoom) : this.#queue;
    if (room === 0) return hasPlace ? this.#turnFull.next() : this.#full.next();
    const now = this.#clock.now();
    if (this.#line.size >= room) {
      const refusals = hasPlace ? this.#turnFull : this.#queueFull;
      const goes = this.#line.evict(call, now);
      if (goes === undefined) return refusals.next();
      goes.settle(refusals.next());
    }
    if (this.#line.size === 0) this.#taken(0, now);
    return new Promise((settle) => this.#line.add({ call, since: now, settle }));
  }

  /** How many calls may wait for a turn. Calls that the next turn has time for need not be refused. */
  get #turnRoom(): number {
    return this.#turnQueue ?? Math.max(TURN_QUEUE_MIN, this.#turn!.callsATurn);
  }

  #taken(waitedMs: number, now: number): void {
    this.#waitedMs = waitedMs;
    this.#takenAt = now;
  }

  #nextTurn(): void {
    this.#isUsedUp = false;
    if (this.#line.size > 0 && !this.#isReleasing) this.#release();
  }

  /** Lets in one call, and the next once that one's handler has begun, while places are free and the turn has time. */
  readonly #release = (): void => {
    this.#isReleasing = false;
    if (this.#running >= this.#max) return;
    const now = this.#clock.now();
    if (this.#turn?.isUsedUp(now, true)) {
      this.#isUsedUp = true;
      return;
    }
    for (const waiting of this.#line.takeImpatient(now)) waiting.settle(this.#impatient.next());
    const next = this.#next(now);
    if (next === undefined) return;
    this.#taken(now - next.since, now);
    this.#running++;
    if (this.#turn !== undefined || this.#adaptive !== undefined) next.call.sampledAt = now;
    next.settle(undefined);
    if (this.#line.size === 0) return;
    this.#isReleasing = true;
    queueMicrotask(this.#release);
  };

  #next(now: number): Waiting<Entry> | undefined {
    for (;;) {
      const waiting = this.#line.take(now);
      if (waiting === undefined) return undefined;
      if (isOver(waiting, now)) waiting.settle(this.#full.next());
      else if (waiting.call.deadline - now < this.#times.median(waiting.call.entry)) waiting.settle(this.#unfit.next());
      else return waiting;
    }
  }
}
