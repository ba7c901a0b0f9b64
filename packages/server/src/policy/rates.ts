import type { Clock, Random, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { IncomingCall } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';
import { Refusals } from './refusals.js';
import { callerOf } from './waiting-line.js';

/** How many callers are remembered; beyond that, those that have not called for longest are forgotten. */
const CALLERS_MAX = 10_000;

/** How many calls may wait for a rate. */
const WAITING_MAX = 1_000;

/** Calls per second in the long run, and calls at once after a pause. */
export interface RateValues {
  readonly perSecond: number;
  readonly burst: number;
  /** Whether a call waits if its turn comes before its deadline; at most 1,000 calls do (default: it is refused). */
  readonly wait?: boolean | undefined;
  /** Where these are from, for errors (default: `rateLimit`). */
  readonly said?: string | undefined;
}

/**
 * Lets `perSecond` calls begin in the long run, and `burst` at once. The state is one number: the time at which the next call would arrive if
 * all calls so far had come exactly at the rate (GCRA, ITU-T I.371).
 */
export class Rate implements Admission {
  readonly #clock: Clock;
  readonly #what: string;
  #reason = '';
  #wait = false;
  #intervalMs = 1;
  #toleranceMs = 0;
  #arrivalAt = Number.NEGATIVE_INFINITY;
  #waiting = 0;
  #refused: RpcError | undefined;

  /** @param what - what is limited, for errors */
  constructor(what: string, values: RateValues, clock: Clock) {
    this.#clock = clock;
    this.#what = what;
    this.configure(values);
  }

  /** Changes the rate. What has been used of the burst stays used, and those who wait keep their turns. */
  configure({ perSecond, burst, wait = false, said = 'rateLimit' }: RateValues): void {
    const now = this.#clock.now();
    const used = Math.max(0, this.#arrivalAt - now) / this.#intervalMs;
    this.#reason = `${this.#what} takes ${perSecond} calls a second here (${said})`;
    this.#wait = wait;
    this.#intervalMs = 1_000 / perSecond;
    this.#toleranceMs = (burst - 1) * this.#intervalMs;
    if (used > 0) this.#arrivalAt = now + Math.min(used, burst + this.#waiting) * this.#intervalMs;
  }

  enter({ deadline }: Pick<IncomingCall, 'deadline'>): RpcError | undefined | Promise<undefined> {
    const mostMs = this.#wait && this.#waiting < WAITING_MAX ? deadline - this.#clock.now() : 0;
    const taken = this.take(mostMs);
    if (taken === 0) return undefined;
    if (typeof taken !== 'number') return taken;
    this.#waiting++;
    return new Promise((resolve) => {
      this.#clock.schedule(taken, () => {
        this.#waiting--;
        resolve(undefined);
      });
    });
  }

  /** Takes the next turn if it comes within `mostMs` milliseconds. @returns in how many milliseconds it comes, or the refusal */
  take(mostMs: number): number | RpcError {
    const now = this.#clock.now();
    const waitMs = this.#arrivalAt - this.#toleranceMs - now;
    if (waitMs > 0 && waitMs > mostMs) return this.#refusal(Math.ceil(waitMs));
    this.#arrivalAt = Math.max(now, this.#arrivalAt) + this.#intervalMs;
    return Math.max(0, waitMs);
  }

  leave(): void {}

  /** The errors of one millisecond are the same one: a flood has many in each. */
  #refusal(retryAfterMs: number): RpcError {
    if (this.#refused?.retryAfterMs !== retryAfterMs || this.#refused.reason !== this.#reason)
      this.#refused = rpcError('RESOURCE_EXHAUSTED', this.#reason, {
        progress: 'refused',
        retryAfterMs,
        hasStack: false,
      });
    return this.#refused;
  }
}

/** A rate for each caller. */
export class CallerRates implements Admission {
  readonly #what: string;
  readonly #clock: Clock;
  #values: RateValues;
  /** In the order of their latest calls: the most recent caller comes last. */
  readonly #rates = new Map<string, Rate>();

  /** @param what - what is limited, for errors */
  constructor(what: string, values: RateValues, clock: Clock) {
    this.#what = `${what}, from one caller,`;
    this.#values = values;
    this.#clock = clock;
  }

  /** Changes the rate of every caller, as {@link Rate.configure}. */
  configure(values: RateValues): void {
    this.#values = values;
    for (const rate of this.#rates.values()) rate.configure(values);
  }

  enter(call: IncomingCall): ReturnType<Rate['enter']> {
    const { peer } = call;
    const caller = callerOf(peer);
    const rate = this.#rates.get(caller) ?? new Rate(this.#what, this.#values, this.#clock);
    this.#rates.delete(caller);
    this.#rates.set(caller, rate);
    if (this.#rates.size > CALLERS_MAX) this.#rates.delete(this.#rates.keys().next().value!);
    return rate.enter(call);
  }

  leave(): void {}
}

/** Bounds how many calls of one caller run at once. */
export class CallerConcurrency implements Admission {
  readonly #what: string;
  readonly #random: Random;
  #max = 0;
  #refusals!: Refusals;
  /** Running calls by caller; callers without any are left out. */
  readonly #running = new Map<string, number>();

  /** @param what - what is limited, for errors */
  constructor(what: string, max: number, random: Random) {
    this.#what = what;
    this.#random = random;
    this.configure(max);
  }

  /** How many callers have calls that run. */
  get callers(): number {
    return this.#running.size;
  }

  /** Changes the bound; what runs goes on. @param said - where it is from, for errors */
  configure(max: number, said = 'perCaller.concurrency.max'): void {
    this.#max = max;
    const reason = `${this.#what} runs ${max} calls of this caller already (${said})`;
    this.#refusals = new Refusals('RESOURCE_EXHAUSTED', reason, 100, this.#random);
  }

  enter({ peer }: IncomingCall): RpcError | undefined {
    const caller = callerOf(peer);
    const running = this.#running.get(caller) ?? 0;
    if (running >= this.#max) return this.#refusals.next();
    this.#running.set(caller, running + 1);
    return undefined;
  }

  leave({ peer }: IncomingCall): void {
    const caller = callerOf(peer);
    const running = this.#running.get(caller)! - 1;
    if (running === 0) this.#running.delete(caller);
    else this.#running.set(caller, running);
  }
}
