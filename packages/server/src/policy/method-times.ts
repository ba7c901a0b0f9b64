/** Of so many runs at least, before anything is said. */
const RUNS_MIN = 16;

/** A step of the estimate: a twentieth, so that a method that has become slower is known after some dozens of runs. */
const STEP = 1.05;

interface Estimate {
  medianMs: number;
  runs: number;
}

/**
 * The recent median of what each method takes, without a histogram: each run moves the estimate a step towards itself, so that as many lie
 * above as below (Ma, Muthukrishnan, Sandler, "Frugal Streaming for Estimating Quantiles", 2013, with steps in proportion).
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
    // Far from its place, as after the first run, it goes there in big steps.
    const step = estimate.runs < RUNS_MIN ? 1.5 : STEP;
    if (ms > estimate.medianMs) estimate.medianMs = Math.min(ms, Math.max(0.001, estimate.medianMs) * step);
    else estimate.medianMs = Math.max(ms, estimate.medianMs / step);
  }

  /** In milliseconds, 0 while too little is known. */
  median(method: Method): number {
    const estimate = this.#estimates.get(method);
    return estimate === undefined || estimate.runs < RUNS_MIN ? 0 : estimate.medianMs;
  }
}
