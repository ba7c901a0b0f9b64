import { assertNumber, TIMEOUT_BOUNDS } from '@org/rpc-core/internal';
import { type RetryOptions, resolveRetryMax } from '../attempts/retry.js';
import type { ConcurrencyLimitOptions } from './concurrency-limit.js';
import type { RateLimitOptions } from './rate-limit.js';

/** What can be said for a whole client, for a service and for a method; the nearest to the method goes first. */
export interface PolicyOptions {
  /** Of a unary call, all attempts and waits included, in milliseconds, 1 to 2^31 - 1 (default 1,000). */
  readonly timeoutMs?: number | undefined;
  /**
   * Of one attempt, in milliseconds. Default: for idempotent methods the time that is left, shared among the attempts that
   * are left; for others all of it.
   */
  readonly attemptTimeoutMs?: number | undefined;
  /** How failed attempts are repeated (default `{ max: 2 }`, only what is safe to repeat); `false` never. */
  readonly retry?: RetryOptions | false | undefined;
  /** Off unless given. Each level that is given applies: client, service, method. Counted in this process. */
  readonly rateLimit?: RateLimitOptions | undefined;
  /** Off unless given. Each level that is given applies: client, service, method. */
  readonly concurrency?: ConcurrencyLimitOptions | undefined;
}

/** The names of {@link PolicyOptions}. */
export const KNOWN_POLICY_OPTIONS: readonly (keyof PolicyOptions)[] = [
  'timeoutMs',
  'attemptTimeoutMs',
  'retry',
  'rateLimit',
  'concurrency',
];

/** Checks the timeouts and retries; limits are checked where they are made. @throws TypeError naming option, value and bound */
export function checkPolicyOptions(where: string, options: PolicyOptions): PolicyOptions {
  const { timeoutMs, attemptTimeoutMs, retry, rateLimit, concurrency } = options;
  if (timeoutMs !== undefined) assertNumber(where, 'timeoutMs', timeoutMs, TIMEOUT_BOUNDS);
  if (attemptTimeoutMs !== undefined) assertNumber(where, 'attemptTimeoutMs', attemptTimeoutMs, TIMEOUT_BOUNDS);
  if (retry !== undefined) resolveRetryMax(where, retry);
  return { timeoutMs, attemptTimeoutMs, retry, rateLimit, concurrency };
}
