import type { Call, HedgeOptions } from '@org/rpc-core';
import type { DarkView } from './fold.js';

/** The window in which calls are counted, in milliseconds: their number bounds how many hedges may be saved. */
const WINDOW_MS = 10_000;

/** A tenth more than the share: when exactly that share of the calls is slow, it varies a little by chance. */
const TOLERANCE = 1.1;

/** The share of the calls of a window that may be saved for hedges that come together. */
const SAVED_SHARE = 0.003;

/** So many in any case: few calls are to be hedged too. */
const SAVED_MIN = 2;

/**
 * Bounds the hedges of one method: each call earns a share of a hedge, and little of it can be saved. So when a server becomes
 * slow for all its calls, hedges add at most half a percent of the calls of ten seconds to the usual two percent.
 */
export class HedgeBudget {
  #tokens = SAVED_MIN;
  #calls = 0;
  #callsBefore = 0;
  #windowAt = Number.NEGATIVE_INFINITY;

  /**
   * A call begins.
   * @param percent - how many hedges a hundred calls earn
   * @param now - milliseconds of the client's clock
   */
  earn(percent: number, now: number): void {
    if (now - this.#windowAt >= WINDOW_MS) {
      this.#callsBefore = now - this.#windowAt < 2 * WINDOW_MS ? this.#calls : 0;
      this.#calls = 0;
      this.#windowAt = now;
    }
    this.#calls++;
    const saved = Math.max(SAVED_MIN, SAVED_SHARE * Math.max(this.#calls, this.#callsBefore));
    this.#tokens = Math.min(saved, this.#tokens + (TOLERANCE * percent) / 100);
  }

  /** Whether a hedge may be made now; {@link take} makes it. */
  get has(): boolean {
    return this.#tokens >= 1;
  }

  take(): void {
    this.#tokens--;
  }
}

/**
 * What a dark rule would have changed in the attempts of a call; `undefined` when nothing, or when that depends on a percentile.
 */
export function judgeHedge(call: Call, { isStream, inForce }: DarkView, wanted: HedgeOptions): string | undefined {
  if (isStream || !call.idempotent || call.oneWay) return undefined;
  const { max = 1, delayMs } = wanted;
  if (max === 0) return call.rivals === undefined ? undefined : 'it would not have been hedged';
  if (inForce.hedge.max > 0 || delayMs === undefined || call.endedAt - call.createdAt <= delayMs) return undefined;
  return `it would have been sent to another node after ${delayMs} ms`;
}
