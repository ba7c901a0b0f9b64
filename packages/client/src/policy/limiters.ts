import type { Clock } from '@org/rpc-core';
import { ConcurrencyLimit, resolveConcurrencyLimitOptions } from './concurrency-limit.js';
import type { PolicyOptions } from './policy-options.js';
import { RateLimit, resolveRateLimitOptions } from './rate-limit.js';

/** The limits of one level: a client, a service or a method. What was not given is not there. */
export interface Limiters {
  readonly rate: RateLimit | undefined;
  readonly concurrency: ConcurrencyLimit | undefined;
}

/**
 * Makes the limits of one level.
 * @param what - what is limited, for errors: `calculator.sum`
 * @throws TypeError naming a wrong option
 */
export function createLimiters(where: string, what: string, policy: PolicyOptions, clock: Clock): Limiters {
  const { rateLimit, concurrency } = policy;
  return {
    rate: rateLimit === undefined ? undefined : new RateLimit(what, resolveRateLimitOptions(where, rateLimit), clock),
    concurrency:
      concurrency === undefined
        ? undefined
        : new ConcurrencyLimit(what, resolveConcurrencyLimitOptions(where, concurrency), clock),
  };
}
