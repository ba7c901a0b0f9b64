import type { Clock, PolicyOptions } from '@org/rpc-core';
import { POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import { ConcurrencyLimit } from './concurrency-limit.js';
import type { LimitState } from './policy-state.js';
import { RateLimit } from './rate-limit.js';

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
    rate:
      rateLimit === undefined
        ? undefined
        : new RateLimit(what, resolvePolicy(where, POLICIES.rateLimit, rateLimit), clock),
    concurrency:
      concurrency === undefined
        ? undefined
        : new ConcurrencyLimit(what, resolvePolicy(where, POLICIES.concurrency, concurrency), clock),
  };
}

/** What limits are now, for people and tools. */
export function limitState(limiters: Limiters | undefined): LimitState {
  return { rate: limiters?.rate?.state(), concurrency: limiters?.concurrency?.state() };
}
