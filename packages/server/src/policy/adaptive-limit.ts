import type { AdaptiveLimitOptions } from '@org/rpc-core';

/** A window lasts at least this long and holds at least this many runs. */
const WINDOW_MS = 500;
const RUNS_MIN = 10;

/** After this many windows the time without load is measured again, with the limit cut to `PROBE_SHARE` of what it was. */
const PROBE_WINDOWS = 60;
const PROBE_SHARE = 0.5;

/**
 * A concurrency limit that follows from how long calls take. While many calls at once take as long as few, the server has room. When
 * they take longer, calls queue somewhere behind this server, and letting in more only makes that queue longer.
 *
 * The algorithm is TCP Vegas as in Netflix's concurrency-limits: `queue = limit * (1 - shortest / now)` calls wait behind the server; below
 * `alpha` the limit grows, above `beta` it shrinks. It compares the medians of windows: single runs of different length would pull the limit
 * down (a third of the calls of a server that is far from full were refused).
 */
export class AdaptiveLimit {
  #min: number;
  #max: number;
  #limit: number;
  #shortestMs = Number.POSITIVE_INFINITY;
  #windowEndsAt = 0;
  #runs: number[] = [];
  #mostInFlight = 0;
  #windows = 0;
  #probing: number | undefined;

  constructor({ min = 4, max = 1_000, initial = 20 }: AdaptiveLimitOptions) {
    this.#min = min;
    this.#max = Math.max(min, max);
    this.#limit = this.#fit(initial);
  }

  /** Changes the bounds; what was learned stays. */
  configure({ min = 4, max = 1_000 }: AdaptiveLimitOptions): void {
    this.#min = min;
    this.#max = Math.max(min, max);
    this.#limit = this.#fit(this.#limit);
    if (this.#probing !== undefined) this.#probing = this.#fit(this.#probing);
  }

  #fit(limit: number): number {
    return Math.min(this.#max, Math.max(this.#min, limit));
  }

  /** How many calls may run at once. */
  get limit(): number {
    return this.#limit;
  }

  /**
   * Records a run that succeeded.
   * @param inFlight - calls that were running when it ended, including this one
   */
  record(ms: number, inFlight: number, now: number): void {
    if (this.#runs.length === 0) this.#windowEndsAt = now + WINDOW_MS;
    this.#runs.push(ms);
    if (inFlight > this.#mostInFlight) this.#mostInFlight = inFlight;
    if (now < this.#windowEndsAt || this.#runs.length < RUNS_MIN) return;
    const runs = this.#runs.sort((a, b) => a - b);
    const medianMs = runs[runs.length >> 1]!;
    this.#runs = [];
    this.#next(medianMs, this.#mostInFlight);
    this.#mostInFlight = 0;
  }

  #next(medianMs: number, inFlight: number): void {
    if (this.#probing !== undefined) {
      // The time measured with half as many calls replaces the time without load, even if it is longer: handlers change.
      this.#shortestMs = medianMs;
      this.#limit = this.#probing;
      this.#probing = undefined;
      return;
    }
    if (++this.#windows >= PROBE_WINDOWS && inFlight * 2 >= this.#limit) {
      this.#windows = 0;
      this.#probing = this.#limit;
      this.#limit = Math.max(this.#min, Math.floor(this.#limit * PROBE_SHARE));
      return;
    }
    this.#shortestMs = Math.min(this.#shortestMs, medianMs);
    // While the server is far from full, long runs say nothing about the limit.
    if (inFlight * 2 < this.#limit) return;
    const step = Math.max(1, Math.log10(this.#limit));
    const waiting = Math.ceil(this.#limit * (1 - this.#shortestMs / medianMs));
    if (waiting <= step) this.#limit += 6 * step;
    else if (waiting < 3 * step) this.#limit += step;
    else if (waiting > 6 * step) this.#limit -= step * Math.max(1, Math.floor(waiting / (6 * step)));
    this.#limit = this.#fit(this.#limit);
  }
}
