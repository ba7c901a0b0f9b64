/** A fixed number of callers, each calling again as soon as it has its answer: finds the highest throughput. */
export interface ClosedLoad {
  readonly kind: 'closed';
  /** Calls in flight at any moment, over all connections. */
  readonly concurrency: number;
}

/**
 * Calls that start on a schedule, whether or not earlier ones have ended, as users do: shows what they would wait.
 *
 * Source: B. Schroeder, A. Wierman, M. Harchol-Balter, "Open Versus Closed: A Cautionary Tale" (NSDI 2006).
 */
export interface OpenLoad {
  readonly kind: 'open';
  readonly ratePerSecond: number;
  /** `poisson`: exponential gaps, as independent users make them. `uniform`: all gaps the same. */
  readonly arrivals: 'poisson' | 'uniform';
  /** A call that comes due while this many are in flight is dropped and counted as dropped. */
  readonly maxInFlight: number;
}

/** What kind of load is put on the target. */
export type Load = ClosedLoad | OpenLoad;

/** How long a load runs. */
export interface LoadSpan {
  /** Milliseconds before the measuring begins; 0 for none. */
  readonly warmupMs: number;
  /** Milliseconds of measuring; `undefined`: until `requests` calls were made. */
  readonly durationMs: number | undefined;
  /** Calls to measure; `undefined`: as many as the duration allows. Whichever of the two is reached first ends the run. */
  readonly requests: number | undefined;
  /** Milliseconds that calls in flight at the end have to finish. */
  readonly drainMs: number;
}

/** A load in motion. */
export interface Loop {
  start(): void;
  /** Ends the sending: calls that were due until now are sent, and none after them. */
  stop(): void;
}
