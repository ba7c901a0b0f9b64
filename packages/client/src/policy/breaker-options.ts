import { assertKnownOptions, assertNumber } from '@org/rpc-core/internal';

/** Buckets of a breaker's window: each counts a tenth of it. */
export const BUCKETS = 10;

/** When calls to a node are stopped, counted for each node and method on its own. */
export interface BreakerOptions {
  /** It opens above this share of failures, in percent, 1 to 100 (default 50). */
  readonly errorPercent?: number | undefined;
  /** And not before this many calls lie in the window, 1 to 1,000,000 (default 20). */
  readonly minCalls?: number | undefined;
  /** The sliding window, in milliseconds, 1,000 to 600,000 (default 10,000). */
  readonly windowMs?: number | undefined;
  /**
   * From opening to the trial call, in milliseconds, 100 to 300,000 (default 5,000). A long outage is tried after a tenth of
   * the time that it has lasted, at most every 300 s, each time with 10 % of jitter.
   */
  readonly openMs?: number | undefined;
}

/** {@link BreakerOptions} with every default filled in. */
export interface ResolvedBreakerOptions {
  readonly errorPercent: number;
  readonly minCalls: number;
  readonly windowMs: number;
  readonly openMs: number;
}

/**
 * Fills in the defaults of a breaker.
 * @param where - what was called, for the message: `createClient`
 * @throws TypeError that names a wrong or unknown option
 */
export function resolveBreakerOptions(where: string, options: BreakerOptions = {}): ResolvedBreakerOptions {
  const name = `${where}: breaker`;
  assertKnownOptions(name, options, ['errorPercent', 'minCalls', 'windowMs', 'openMs']);
  const { errorPercent = 50, minCalls = 20, windowMs = 10_000, openMs = 5_000 } = options;
  assertNumber(name, 'errorPercent', errorPercent, { min: 1, max: 100 });
  assertNumber(name, 'minCalls', minCalls, { min: 1, max: 1_000_000, integer: true });
  assertNumber(name, 'windowMs', windowMs, { min: 1_000, max: 600_000 });
  assertNumber(name, 'openMs', openMs, { min: 100, max: 300_000 });
  return { errorPercent, minCalls, windowMs, openMs };
}
