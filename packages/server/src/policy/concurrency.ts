import type { Clock, Random, RpcError, ServerConcurrency } from '@org/rpc-core';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';
import { AdaptiveLimit } from './adaptive-limit.js';
import { MethodTimes } from './method-times.js';
import { Refusals } from './refusals.js';
import { TurnWatch } from './turn-watch.js';
import { isOver, type Waiting, WaitingLine } from './waiting-line.js';

/** `OverloadOptions` with every default in place. */
export interface ResolvedOverload {
  readonly turnMs: number;
  /** `undefined`: as many calls as one turn has time for. */
  readonly queue?: number | undefined;
}

/** How many calls may wait for a turn, unless a bound is given or a turn has time for more. */
const TURN_QUEUE_MIN = 1_000;

/** A refused caller is told to come back after 50 to 150 % of this, in milliseconds. */
const RETRY_AFTER_MS = 100;

/** Where the values of a limit are from: the server's options, or the rules of a service. */
export type LimitSource = 'options' | { readonly service: string; readonly version: number };

/** The present state of a concurrency limit. */
export interface ServerConcurrencyState {
  /** What is limited: `the server`, a service, or `service.method`. */
  readonly what: string;
  /** Calls that may run at once, `undefined` for no bound; of an adaptive limit, its present value. */
  readonly max: number | undefined;
  /** Calls that may wait. */
  readonly queue: number;
  /** Calls that run. */
  readonly running: number;
  /** Calls that wait to run. */
  readonly waiting: number;
  readonly from: LimitSource;
}

/** The values of a concurrency limit. */
export interface ConcurrencyValues {
  /** `Infinity` for no bound. */
  readonly max: ServerConcurrency['max'];
  readonly queue: number;
  /** `undefined`: turns are not watched. */
  readonly overload?: ResolvedOverload | undefined;
  /** Default: the options. */
  readonly from?: LimitSource | undefined;
}

/** What a concurrency limit is made from. */
export interface ConcurrencyLimitParts extends ConcurrencyValues {
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
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #preemptedMs: (() => number) | undefined;
  readonly #times = new MethodTimes<Entry>();
  readonly #line = new WaitingLine<Entry>();
  #queue = 0;
  #turnQueue: number | undefined;
  #turn: TurnWatch | undefined;
  #adaptive: AdaptiveLimit | undefined;
  #from: LimitSource = 'options';
  #full!: Refusals;
  #queueFull!: Refusals;
  #turnFull!: Refusals;
  #impatient!: Refusals;
  #unfit!: Refusals;
  #max = Number.POSITIVE_INFINITY;
  #running = 0;
  /** How long the last call that left the line to run had waited, and when it left. */
  #waitedMs = 0;
  #takenAt = 0;
  /** Whether this turn of the event loop takes no more calls. */
  #isUsedUp = false;
  #isReleasing = false;

  constructor({ what = 'the server', clock, random, preemptedMs, ...values }: ConcurrencyLimitParts) {
    this.#what = what;
    this.#clock = clock;
    this.#random = random;
    this.#preemptedMs = preemptedMs;
    this.configure(values);
  }

  /** Changes the limit. What runs goes on running and who waits goes on waiting: a lower limit is reached as calls end. */
  configure({ max, queue, overload, from = 'options' }: ConcurrencyValues): void {
    this.#queue = queue;
    this.#from = from;
    this.#turnQueue = overload === undefined ? 0 : overload.queue;
    if (typeof max === 'number') this.#adaptive = undefined;
    else if (this.#adaptive === undefined) this.#adaptive = new AdaptiveLimit(max.adaptive);
    else this.#adaptive.configure(max.adaptive);
    this.#max = this.#adaptive === undefined ? (max as number) : this.#adaptive.limit;
    this.#watchTurns(overload);
    this.#makeRefusals(max, overload, from);
    if (this.#line.size > 0 && !this.#isReleasing) this.#release();
  }

  #watchTurns(overload: ResolvedOverload | undefined): void {
    if (overload === undefined) {
      this.#turn = undefined;
      this.#isUsedUp = false;
    } else if (this.#turn === undefined)
      this.#turn = new TurnWatch(this.#clock, overload.turnMs, () => this.#nextTurn(), this.#preemptedMs);
    else this.#turn.turnMs = overload.turnMs;
  }

  #makeRefusals(max: ServerConcurrency['max'], overload: ResolvedOverload | undefined, from: LimitSource): void {
    const what = this.#what;
    const queue = this.#queue;
    const said = (name: string): string =>
      from === 'options' ? `concurrency.${name}` : `serverConcurrency.${name} of the rules of ${from.service}`;
    const noTime = `the server has no time: handlers hold it for more than ${overload?.turnMs} ms (overload.turnMs)`;
    let runs = `${what} runs as many calls as it can do at once (${said('max')}, adaptive)`;
    // Without a bound on running calls, a call waits only because the turn is used up.
    if (typeof max === 'number')
      runs = Number.isFinite(max) ? `${what} runs ${max} calls already (${said('max')})` : noTime;
    const refusals = (reason: string, retryAfterMs: number | undefined = RETRY_AFTER_MS): Refusals =>
      new Refusals('RESOURCE_EXHAUSTED', reason, retryAfterMs, this.#random);
    // Without a queue, callers should try another node at once; with one, they should spare this server.
    this.#full = refusals(runs, queue === 0 ? undefined : RETRY_AFTER_MS);
    this.#queueFull = refusals(`${runs} and ${queue} wait (${said('queue')})`);
    const waiting = this.#turnQueue === undefined ? 'as many calls as a turn has time for' : `${this.#turnQueue} calls`;
    this.#turnFull = refusals(`${noTime}, and ${waiting} wait (overload.queue)`);
    this.#impatient = refusals('the server has more to do than it can, and this call has waited for half of its time');
    const unfit = 'the server has more to do than it can, and this call would not end in time by what its method takes';
    this.#unfit = new Refusals('DEADLINE_EXCEEDED', unfit, undefined, this.#random);
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
    const { running, waiting } = this;
    return { what: this.#what, max, queue: this.#queue, running, waiting, from: this.#from };
  }

  /** How long bytes read at this time may have waited unread, in milliseconds. */
  stallBefore(readAt: number): number {
    return this.#turn === undefined ? 0 : this.#turn.stallBefore(readAt);
  }

  /** See {@link TurnWatch.ticked}. */
  ticked(by: number): void {
    this.#turn?.ticked(by);
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
