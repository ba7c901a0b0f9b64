import type { Call, Clock, Code, Layer, Random, RpcError, Service } from '@org/rpc-core';
import { cancelledError, sleep } from '@org/rpc-core/internal';
import pRetry from 'p-retry';
import type { RetryBudget } from '../policy/retry-budget.js';
import { retryDelayMs } from './backoff.js';
import { asRpcError, completeError, recordAttempt } from './call-error.js';
import { decideRetry, isFreeRepeat } from './retry-decision.js';

/** An attempt has failed and another follows; for those who watch. */
export interface RetryEvent {
  readonly service: string;
  readonly method: string;
  /** Where it failed, `''` when no endpoint was chosen. */
  readonly endpoint: string;
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
  /** Whether the client has been closed: its calls in flight end, and none is repeated. */
  readonly isClosed?: (() => boolean) | undefined;
}

/**
 * Repeats attempts that have failed, each on another node if there is one, and ends the call when none is to follow: the only
 * place of the client that repeats, and the only one that settles a call as failed after an attempt.
 *
 * An attempt that never started is repeated once for nothing, even when retries are off; `decideRetry` holds the rule for all
 * others. A call that succeeds at once costs one derived promise here and enters nothing else.
 */
export function retry(settings: RetrySettings): Layer {
  return (next) => (call) =>
    next(call).then(undefined, (error: unknown) => new FailedCall(settings, next, call).recover(asRpcError(error)));
}

/** A call whose first attempt has failed. */
class FailedCall {
  readonly #settings: RetrySettings;
  readonly #next: Service;
  readonly #call: Call;
  readonly #max: number;
  #lastAttempt: Call;
  #lastError: RpcError | undefined;
  #retries = 0;
  #waitMs = 0;
  #freeUsed = false;
  /** Why no further attempt follows. */
  #stop = '';

  constructor(settings: RetrySettings, next: Service, call: Call) {
    this.#settings = settings;
    this.#next = next;
    this.#call = call;
    this.#max = settings.max;
    this.#lastAttempt = call;
  }

  /** Goes on after the first failure: to the result of a later attempt, or to the final error, with which the call settles. */
  recover(error: RpcError): Promise<unknown> {
    this.#failed(this.#call, error);
    const free = this.#takesFree(error);
    if (!free && !this.#takesRetry(error)) throw this.#end(error);
    return this.#goOn(free);
  }

  async #goOn(free: boolean): Promise<unknown> {
    try {
      if (free) {
        try {
          return await this.#attempt(0);
        } catch (error) {
          if (!this.#takesRetry(error as RpcError)) throw error;
        }
      }
      return await this.#loop();
    } catch (error) {
      throw this.#end(error as RpcError);
    }
  }

  /**
   * p-retry counts and asks. Its own waits are off, they would be in real time: `decideRetry` sets the wait, which is slept at
   * the top of an attempt. (Slept in `onFailedAttempt`, it would also delay the last failure.)
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
    const { budget, clock, random } = this.#settings;
    if (this.#call.signal?.aborted) throw cancelledError(this.#call);
    if (this.#waitMs > 0) await sleep(clock, this.#waitMs, this.#call);
    for (let round = 0; !budget.hasRoom(); round++) await sleep(clock, 1 + retryDelayMs(round, random), this.#call);
    budget.began();
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
    const attempt = this.#call.nextAttempt(this.#lastAttempt.attempt + 1);
    this.#report(attempt, delayMs);
    try {
      return await this.#next(attempt);
    } catch (thrown) {
      const error = asRpcError(thrown);
      this.#failed(attempt, error);
      throw error;
    }
  }

  #failed(attempt: Call, error: RpcError): void {
    this.#lastAttempt = attempt;
    this.#lastError = error;
    recordAttempt(attempt, error);
  }

  #takesFree(error: RpcError): boolean {
    if (this.#freeUsed || this.#settings.isClosed?.() || !isFreeRepeat(this.#call, error)) return false;
    this.#freeUsed = true;
    return true;
  }

  #takesRetry(error: RpcError): boolean {
    if (this.#settings.isClosed?.()) return false;
    const { budget, clock, random } = this.#settings;
    const max = this.#max;
    const decision = decideRetry(this.#call, error, { max, retries: this.#retries, now: clock.now(), random, budget });
    if ('stop' in decision) {
      this.#stop = decision.stop;
      return false;
    }
    this.#retries++;
    this.#waitMs = decision.waitMs;
    return true;
  }

  /** The call has failed for good. */
  #end(error: RpcError): RpcError {
    const call = this.#call;
    if (this.#lastAttempt !== call) call.adopt(this.#lastAttempt);
    if (error !== this.#lastError) {
      // It was given up between two attempts: what is known is how far the last one got.
      error.progress = this.#lastError?.progress ?? error.progress;
      call.endedAt = this.#settings.clock.now();
    }
    // p-retry does not ask after the last retry that it was allowed.
    const usedUp = this.#retries > 0 && this.#retries === this.#max;
    const final = completeError(call, error, this.#stop === '' && usedUp ? 'no retries are left' : this.#stop);
    call.settleCall(final);
    return final;
  }

  #report(attempt: Call, delayMs: number): void {
    const { onRetry } = this.#settings;
    if (onRetry === undefined) return;
    const failed = this.#lastAttempt;
    onRetry({
      service: attempt.service,
      method: attempt.method,
      endpoint: failed.destination?.address ?? '',
      code: this.#lastError!.code,
      attempt: attempt.attempt,
      delayMs,
    });
  }
}
