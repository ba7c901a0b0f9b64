import type { Call, Cancel, Clock, RateLimitOptions, RpcError } from '@org/rpc-core';
import { type Complete, rpcError, type Waiting, waitFor } from '@org/rpc-core/internal';
import type { CallLimit } from './admission.js';
import type { RateState } from './policy-state.js';

/** Calls that wait for one limit; more are refused, since without a deadline they could wait without end. */
const WAITING_MAX = 10_000;

/** Added so that rounding never wakes the queue just before its turn. */
const TIMER_SLACK_MS = 0.001;

/**
 * Starts at most `burst` calls at once and `perSecond` in the long run: in every stretch of time no more than
 * `perSecond * seconds + burst`. Calls beyond that wait in the order in which they came, each at most until its deadline.
 *
 * The state is one number: the time at which the calls so far would have come at exactly the rate.
 *
 * Source: GCRA, the generic cell rate algorithm of ITU-T I.371.
 */
export class RateLimit implements CallLimit {
  readonly #clock: Clock;
  readonly #what: string;
  #options: Complete<RateLimitOptions>;
  /** The time between two calls, and how far calls may be ahead of it, in milliseconds. */
  #intervalMs = 0;
  #toleranceMs = 0;
  /** The theoretical arrival time of the next call. */
  #arrivalAt = Number.NEGATIVE_INFINITY;
  readonly #queue = new Set<Waiting<void>>();
  /** Who has set it where options have not, for errors: `, by version 3 of the rules of calculator`. */
  #setBy = '';
  #cancelTimer: Cancel | undefined;

  /** @param what - what is limited, for errors: `calculator.sum` */
  constructor(what: string, options: Complete<RateLimitOptions>, clock: Clock) {
    this.#clock = clock;
    this.#what = what;
    this.#options = options;
    this.#apply(options);
  }

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** For people and tools. */
  state(): RateState {
    const { perSecond, burst } = this.#options;
    return { perSecond, burst, waiting: this.#queue.size };
  }

  /** Changes the limit. What has been used of the burst stays used, and who waits goes on waiting. */
  configure(options: Complete<RateLimitOptions>, setBy = ''): void {
    this.#setBy = setBy;
    const now = this.#clock.now();
    const used = Math.max(0, this.#arrivalAt - now) / this.#intervalMs;
    this.#apply(options);
    this.#arrivalAt = now + Math.min(used, options.burst) * this.#intervalMs;
    this.#schedule(now);
  }

  admit(call: Call): undefined | RpcError | Promise<void> {
    const now = this.#clock.now();
    if (this.#queue.size === 0 && this.#take(now)) return undefined;
    const turnInMs = this.#arrivalAt + this.#queue.size * this.#intervalMs - this.#toleranceMs - now;
    if (!this.#options.wait || now + turnInMs >= call.deadline || this.#queue.size >= WAITING_MAX) {
      return this.#refusal(turnInMs);
    }
    return this.#wait(call, now);
  }

  /** The next call may start so much the earlier; who waits is woken for it. */
  giveBack(): void {
    this.#arrivalAt -= this.#intervalMs;
    if (this.#queue.size > 0) this.#schedule(this.#clock.now());
  }

  #apply(options: Complete<RateLimitOptions>): void {
    this.#options = options;
    this.#intervalMs = 1_000 / options.perSecond;
    this.#toleranceMs = (options.burst - 1) * this.#intervalMs;
  }

  #take(now: number): boolean {
    if (now < this.#arrivalAt - this.#toleranceMs) return false;
    this.#arrivalAt = Math.max(now, this.#arrivalAt) + this.#intervalMs;
    return true;
  }

  #wait(call: Call, now: number): Promise<void> {
    if (call.signal?.aborted) return waitFor<void>(this.#clock, call, this.#what).promise;
    // A call that gives up leaves the queue, and the next one gets its turn.
    const waiting: Waiting<void> = waitFor<void>(
      this.#clock,
      call,
      () => `its turn: ${this.#describe()}`,
      () => this.#leave(waiting),
    );
    this.#queue.add(waiting);
    this.#schedule(now);
    return waiting.promise;
  }

  #leave(waiting: Waiting<void>): void {
    this.#queue.delete(waiting);
    if (this.#queue.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(now: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#queue.size === 0) return;
    const turnInMs = Math.max(0, this.#arrivalAt - this.#toleranceMs - now);
    this.#cancelTimer = this.#clock.schedule(turnInMs + TIMER_SLACK_MS, () => this.#serve());
  }

  #serve(): void {
    const now = this.#clock.now();
    for (const waiting of this.#queue) {
      if (!this.#take(now)) break;
      waiting.done();
    }
    this.#schedule(now);
  }

  #refusal(turnInMs: number): RpcError {
    const advice = this.#options.wait
      ? 'slow down, raise the limit, or allow more time'
      : 'slow down, or raise the limit';
    return rpcError('RESOURCE_EXHAUSTED', `${this.#describe()}: ${advice}`, {
      retryAfterMs: Math.max(1, Math.ceil(turnInMs)),
      progress: 'unsent',
      hasStack: false,
    });
  }

  #describe(): string {
    const { perSecond, burst } = this.#options;
    const bursts = burst > 1 ? ` with bursts of ${burst}` : '';
    return `the rate limit of ${this.#what} in this client is ${perSecond} calls per second${bursts}${this.#setBy}`;
  }
}
