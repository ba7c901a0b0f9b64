/** How many runs of a method it takes before its median counts as known. */
const RUNS_MIN = 16;

/** The factor of one step of the estimate: at 5 % a step, a method that has become slower is noticed after some dozens of runs. */
const STEP = 1.05;

interface Estimate {
  medianMs: number;
  runs: number;
}

/**
 * Estimates the recent median duration of each method, without a histogram. Each run moves the estimate one step towards its own duration,
 * so the estimate settles where as many runs are longer as are shorter (Ma, Muthukrishnan, Sandler, "Frugal Streaming for Estimating
 * Quantiles", 2013, with steps in proportion).
 */
export class MethodTimes<Method extends object> {
  readonly #estimates = new Map<Method, Estimate>();

  record(method: Method, ms: number): void {
    const estimate = this.#estimates.get(method);
    if (estimate === undefined) {
      this.#estimates.set(method, { medianMs: ms, runs: 1 });
      return;
    }
    estimate.runs++;
    // At first the estimate may be far off, so it moves in big steps.
    const step = estimate.runs < RUNS_MIN ? 1.5 : STEP;
    if (ms > estimate.medianMs) estimate.medianMs = Math.min(ms, Math.max(0.001, estimate.medianMs) * step);
    else estimate.medianMs = Math.max(ms, estimate.medianMs / step);
  }

  /** The median in milliseconds; 0 while fewer than 16 runs are known. */
  median(method: Method): number {
    const estimate = this.#estimates.get(method);
    return estimate === undefined || estimate.runs < RUNS_MIN ? 0 : estimate.medianMs;
  }
}
