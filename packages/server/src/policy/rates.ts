import type { Clock, Random, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { IncomingCall } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';
import { Refusals } from './refusals.js';
import { callerOf } from './waiting-line.js';

/** How many callers are remembered; beyond that, those that have not called for longest are forgotten. */
const CALLERS_MAX = 10_000;

/** Calls per second in the long run, and calls at once after a pause. */
export interface RateValues {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * Lets `perSecond` calls begin in the long run, and `burst` at once. The state is one number: the time at which the next call would arrive if
 * all calls so far had come exactly at the rate (GCRA, ITU-T I.371).
 */
export class Rate implements Admission {
  readonly #clock: Clock;
  readonly #reason: string;
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  #arrivalAt = Number.NEGATIVE_INFINITY;

  /** @param what - what is limited, for errors */
  constructor(what: string, { perSecond, burst }: RateValues, clock: Clock) {
    this.#clock = clock;
    this.#reason = `${what} takes ${perSecond} calls a second here (rateLimit)`;
    this.#intervalMs = 1_000 / perSecond;
    this.#toleranceMs = (burst - 1) * this.#intervalMs;
  }

  enter(): RpcError | undefined {
    const taken = this.take(0);
    return typeof taken === 'number' ? undefined : taken;
  }

  /** Takes the next turn if it comes within `mostMs` milliseconds. @returns in how many milliseconds it comes, or the refusal */
  take(mostMs: number): number | RpcError {
    const now = this.#clock.now();
    const waitMs = this.#arrivalAt - this.#toleranceMs - now;
    if (waitMs > 0 && waitMs > mostMs) return tooMany(this.#reason, waitMs);
    this.#arrivalAt = Math.max(now, this.#arrivalAt) + this.#intervalMs;
    return Math.max(0, waitMs);
  }

  leave(): void {}
}

/** A rate for each caller. */
export class CallerRates<R extends Admission = Admission> implements Admission {
  readonly #make: () => R;
  /** In the order of their latest calls: the most recent caller comes last. */
  readonly #rates = new Map<string, R>();

  /** @param make - makes the rate of a caller */
  constructor(make: () => R) {
    this.#make = make;
  }

  enter(call: IncomingCall): ReturnType<R['enter']> {
    const { peer } = call;
    const caller = callerOf(peer);
    const rate = this.#rates.get(caller) ?? this.#make();
    this.#rates.delete(caller);
    this.#rates.set(caller, rate);
    if (this.#rates.size > CALLERS_MAX) this.#rates.delete(this.#rates.keys().next().value!);
    return rate.enter(call) as ReturnType<R['enter']>;
  }

  leave(): void {}
}

/** Bounds how many calls of one caller run at once. */
export class CallerConcurrency implements Admission {
  readonly #max: number;
  readonly #refusals: Refusals;
  /** Running calls by caller; callers without any are left out. */
  readonly #running = new Map<string, number>();

  /** @param what - what is limited, for errors */
  constructor(what: string, max: number, random: Random) {
    this.#max = max;
    const reason = `${what} runs ${max} calls of this caller already (perCaller.concurrency.max)`;
    this.#refusals = new Refusals('RESOURCE_EXHAUSTED', reason, 100, random);
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

/** A refusal with the exact time to come back cannot be made in advance. It is made without a stack, which would cost most. */
function tooMany(reason: string, waitMs: number): RpcError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'refused', retryAfterMs: Math.ceil(waitMs) });
  } finally {
    Error.stackTraceLimit = limit;
  }
}
