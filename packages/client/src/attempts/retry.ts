import type { Call, Clock, Code, Layer, Random, RpcError, Service } from '@org/rpc-core';
import { cancelledError, sleep } from '@org/rpc-core/internal';
import pRetry from 'p-retry';
import { ownOf } from '../policy/fold.js';
import type { RetryBudget } from '../policy/retry-budget.js';
import { Attempts } from './attempts.js';
import { describeRules } from './limit-of.js';
import { decideRetry, NO_RETRIES_LEFT, RETRIES_ARE_OFF, wasDenied } from './retry-decision.js';

/** An attempt has failed and another follows; for those who watch. */
export interface RetryEvent {
  readonly service: string;
  readonly method: string;
  /** Where it failed, `''` when no endpoint was chosen. */
  readonly endpoint: string;
  /** The id of the instance there; `undefined` when no endpoint was chosen. */
  readonly instance: string | undefined;
  readonly code: Code;
  /** The number of the attempt that follows; the first one of a call is 0. */
  readonly attempt: number;
  /** How long it waits, in milliseconds. */
  readonly delayMs: number;
}

/** What the retry layer is made of. */
export interface RetrySettings {
  /** Attempts after the first; 0 when retries are off. Read once for each call that fails, since rules may change it. */
  readonly max: number;
  readonly budget: RetryBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
  /** How many nodes take calls; left out: only those that were tried. */
  readonly readyCount?: (() => number) | undefined;
  /** Whether a call that a node has denied may be answered by one that was not tried; left out: it is not. */
  readonly mayBeAnswered?: ((call: Call) => boolean) | undefined;
  /** Whether the client has been closed: its calls in flight end, and none is repeated. */
  readonly isClosed?: (() => boolean) | undefined;
  /** Names the instances that a call is not given to, for its error; left out: it does not. */
  readonly leftOut?: ((call: Call) => string) | undefined;
}

/**
 * Repeats attempts that have failed, each on another node if there is one, and ends the call when none is to follow.
 *
 * An attempt that never started is repeated once for nothing, even when retries are off; `decideRetry` holds the rule for all
 * others. A call that is given to a connection at once has one promise, which its connection settles: nothing is made here for it
 * unless it fails.
 */
export function retry(settings: RetrySettings): Layer {
  return (next) => {
    const recover = (call: Call, thrown: unknown): Promise<unknown> =>
      new FailedCall(settings, next, call).recover(thrown, recover);
    return (call) => {
      call.recover = recover;
      call.resolve = undefined;
      const answer = next(call);
      if (call.resolve !== undefined) return answer;
      // It waits for something, or has several attempts at once: whatever that ends with is recovered from here.
      call.recover = undefined;
      return answer.then(undefined, (thrown: unknown) => recover(call, thrown));
    };
  };
}

/** A call whose first attempt has failed. */
class FailedCall {
  readonly #settings: RetrySettings;
  readonly #next: Service;
  readonly #attempts: Attempts;
  readonly #max: number;
  #retries = 0;
  #waitMs = 0;
  /** Why no further attempt follows. */
  #stop = '';

  constructor(settings: RetrySettings, next: Service, call: Call) {
    this.#settings = settings;
    this.#next = next;
    this.#attempts = new Attempts(call, settings.clock, settings.isClosed ?? never, settings.leftOut);
    this.#max = (ownOf(call)?.retry ?? settings).max;
  }

  /**
   * Goes on after the first failure: to the result of a later attempt, or to the final error, with which the call settles.
   * @param above - what has called this, see `showCaller`
   */
  recover(thrown: unknown, above: (...args: never[]) => unknown): Promise<unknown> {
    const error = this.#attempts.failed(this.#attempts.call, thrown);
    const free = this.#takesFree(error);
    if (!free && !this.#takesRetry(error)) throw this.#end(error, above);
    return this.#goOn(free);
  }

  async #goOn(free: boolean): Promise<unknown> {
    try {
      const answer = await (free ? this.#freeThenLoop() : this.#loop());
      this.#attempts.commit();
      return answer;
    } catch (error) {
      throw this.#end(error as RpcError);
    }
  }

  async #freeThenLoop(): Promise<unknown> {
    try {
      return await this.#attempt(0);
    } catch (error) {
      if (!this.#takesRetry(error as RpcError)) throw error;
    }
    return this.#loop();
  }

  /**
   * p-retry counts and asks. Its own waits are off, because they would be in real time: `decideRetry` sets the wait, and the
   * attempt function sleeps first. (A sleep in `onFailedAttempt` would also delay the last failure.)
   */
  #loop(): Promise<unknown> {
    return pRetry(() => this.#retryOnce(), {
      retries: this.#max - 1,
      minTimeout: 0,
      maxTimeout: 0,
      factor: 1,
      randomize: false,
      shouldRetry: ({ error }) => this.#takesRetry(error as RpcError),
    });
  }

  async #retryOnce(): Promise<unknown> {
    const { budget, clock } = this.#settings;
    const { call } = this.#attempts;
    if (call.signal?.aborted) throw cancelledError(call);
    if (this.#waitMs > 0) await sleep(clock, this.#waitMs, call);
    const room = budget.begin(clock, call);
    if (room === false) {
      this.#stop = 'too many calls wait to be repeated';
      throw this.#attempts.error!;
    }
    if (room !== undefined) await room;
    try {
      return await this.#attempt(this.#waitMs);
    } catch (error) {
      if (!this.#takesFree(error as RpcError)) throw error;
      return await this.#attempt(0);
    } finally {
      budget.ended();
    }
  }

  async #attempt(delayMs: number): Promise<unknown> {
    const attempt = this.#attempts.next();
    this.#report(attempt, delayMs);
    try {
      return await this.#next(attempt);
    } catch (thrown) {
      throw this.#attempts.failed(attempt, thrown);
    }
  }

  #takesFree(error: RpcError): boolean {
    return this.#attempts.takeFree(error, this.#settings.mayBeAnswered ?? never);
  }

  #takesRetry(error: RpcError): boolean {
    if (this.#stop !== '' || this.#settings.isClosed?.()) return false;
    if (!this.#attempts.call.mayRepeat && this.#max > 0) {
      this.#stop = 'whoever called the handler that makes this call repeats it';
      return false;
    }
    const { budget, clock, random } = this.#settings;
    // Only where a server has asked to wait does it matter whether there is another one.
    const hasUntried = error.retryAfterMs !== undefined && this.#hasUntried();
    const { isTrial: wasTrial, attemptDeadline } = this.#attempts.last;
    const { call } = this.#attempts;
    const mayBeAnswered = wasDenied(call, error) && this.#settings.mayBeAnswered?.(call) === true;
    const decision = decideRetry(call, error, {
      max: this.#max,
      retries: this.#retries,
      now: clock.now(),
      random,
      budget,
      hasUntried,
      wasTrial,
      mayBeAnswered,
      attemptDeadline,
    });
    if ('stop' in decision) {
      this.#stop = decision.stop;
      return false;
    }
    this.#retries++;
    this.#waitMs = decision.waitMs;
    return true;
  }

  #hasUntried(): boolean {
    const tried = new Set(this.#attempts.call.attempts?.map(({ instance, endpoint }) => instance ?? endpoint));
    return (this.#settings.readyCount?.() ?? 0) > tried.size;
  }

  /** The call has failed for good. */
  #end(error: RpcError, above?: (...args: never[]) => unknown): RpcError {
    // p-retry does not ask after the last retry that it was allowed.
    const usedUp = this.#retries > 0 && this.#retries === this.#max;
    const stop = this.#stop === '' && usedUp ? NO_RETRIES_LEFT : this.#stop;
    return this.#attempts.giveUp(error, `${stop}${this.#byRules(stop)}`, above);
  }

  /** Names the rules, if these have set how often a call is repeated. */
  #byRules(stop: string): string {
    const { call } = this.#attempts;
    const { terms } = call.methodRef;
    const isMax = stop === RETRIES_ARE_OFF || stop === NO_RETRIES_LEFT;
    if (!isMax || terms === undefined || ownOf(call)?.retry !== undefined) return '';
    return terms.setBy('retry', 'max') === 'rule' ? `, by ${describeRules(call, terms.rulesVersion)}` : '';
  }

  #report(attempt: Call, delayMs: number): void {
    const { onRetry } = this.#settings;
    if (onRetry === undefined) return;
    const { last, error } = this.#attempts;
    onRetry({
      service: attempt.service,
      method: attempt.method,
      endpoint: last.destination?.address ?? '',
      instance: last.destination?.instance,
      code: error!.code,
      attempt: attempt.attempt,
      delayMs,
    });
  }
}

const never = (): boolean => false;
