import type { Clock, Random } from '@org/rpc-core';

/** How long to wait between failures. */
export interface BackoffOptions {
  /** The bound of the first wait, in milliseconds; it doubles with each failure. */
  readonly baseMs: number;
  /** The most that the bound grows to, in milliseconds. */
  readonly maxMs: number;
  /** After this long without a failure the bound starts again, in milliseconds. */
  readonly resetAfterMs: number;
  /** The bound of the very first wait where that may be shorter, in milliseconds. */
  readonly firstMs?: number | undefined;
}

/**
 * Waits that keep many clients from coming back together: each is uniform between 0 and a bound that doubles.
 *
 * Sources: M. Brooker, "Exponential Backoff And Jitter", AWS 2015 (full jitter); the constants and the reset are those of the
 * reflector of Kubernetes client-go.
 */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: BackoffOptions;
  #failures = 0;
  #healthySince = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, random: Random, options: BackoffOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
  }

  /** Starts the bound again, after a success. */
  forgive(): void {
    this.#failures = 0;
  }

  /** Counts a failure and tells how long to wait before the next try, in milliseconds. */
  next(): number {
    const { baseMs, maxMs, resetAfterMs, firstMs } = this.#options;
    const now = this.#clock.now();
    if (now - this.#healthySince > resetAfterMs) this.#failures = 0;
    const quick = firstMs !== undefined;
    const doublings = this.#failures - (quick ? 1 : 0);
    const boundMs = quick && this.#failures === 0 ? firstMs : Math.min(maxMs, baseMs * 2 ** doublings);
    this.#failures = Math.min(this.#failures + 1, FAILURES_MAX);
    const delayMs = this.#random() * boundMs;
    this.#healthySince = now + delayMs;
    return delayMs;
  }
}

/** Keeps the power of two finite. */
const FAILURES_MAX = 64;
