/** How far a limit may go that is found by trying. */
export interface AdaptiveLimitOptions {
  /** Calls at once, 1 to 1,000,000 (default 4). */
  readonly min?: number | undefined;
  /** Calls at once, `min` to 1,000,000 (default 1,000). */
  readonly max?: number | undefined;
  /** Where it begins (default 20, within the two). */
  readonly initial?: number | undefined;
}

/** A window ends after so long, with so many runs at the least. */
const WINDOW_MS = 500;
const RUNS_MIN = 10;

/** After so many windows the time without load is measured anew, on calls that are let in one tenth as many as before. */
const PROBE_WINDOWS = 60;
const PROBE_SHARE = 0.5;

/**
 * A limit on calls at once that is found by looking at how long they take: while more of them take as long as few, there is room; when they
 * take longer, what is beyond waits somewhere behind this server, and to let in more only makes that queue longer.
 *
 * TCP Vegas, as Netflix's concurrency-limits has it: `queue = limit * (1 - shortest / now)` calls wait behind; below `alpha` of them the limit
 * grows, above `beta` it shrinks. By windows, on their medians: single runs of different length would pull it down (a third of the calls of a
 * server that is far from full were refused).
 */
export class AdaptiveLimit {
  readonly #min: number;
  readonly #max: number;
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
    this.#limit = Math.min(this.#max, Math.max(min, initial));
  }

  /** How many calls may be in at once. */
  get limit(): number {
    return this.#limit;
  }

  /**
   * A run has ended well.
   * @param inFlight - calls that were in when it ended, itself included
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
      // What was measured with half as many in is the new time without load, be it longer: handlers change.
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
    // Far from full, long runs say nothing of the limit.
    if (inFlight * 2 < this.#limit) return;
    const step = Math.max(1, Math.log10(this.#limit));
    const waiting = Math.ceil(this.#limit * (1 - this.#shortestMs / medianMs));
    if (waiting <= step) this.#limit += 6 * step;
    else if (waiting < 3 * step) this.#limit += step;
    else if (waiting > 6 * step) this.#limit -= step * Math.max(1, Math.floor(waiting / (6 * step)));
    this.#limit = Math.min(this.#max, Math.max(this.#min, this.#limit));
  }
}
