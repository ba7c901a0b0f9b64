import type { PolicyDescription } from './description.js';

/** How failed attempts are repeated. A value that is left out comes from a farther level or its default. */
export interface RetryOptions {
  /** Attempts after the first, of calls whose method is idempotent, 0 to 10 (default 2). */
  readonly max?: number | undefined;
  /**
   * Whether calls that may be retried here tell their servers not to retry the calls that they make in turn (default false:
   * only retries say so). In a chain of services a failure at the end is then retried in one place and not in each.
   */
  readonly stopBelow?: boolean | undefined;
}

/** Repeating what has failed. */
export const retryPolicy: PolicyDescription<RetryOptions> = {
  name: 'retry',
  option: 'retry',
  levels: ['call', 'rule', 'method', 'service', 'client'],
  applies: 'nearest',
  off: { max: 0 },
  rule: 'values',
  values: {
    max: {
      type: 'number',
      bounds: { min: 0, max: 10, integer: true },
      default: 2,
      text: 'attempts after the first. What is repeated: [errors](errors.md#what-is-repeated)',
    },
    stopBelow: {
      type: 'boolean',
      default: false,
      text: 'those who serve a call that may be repeated are told to repeat nothing for it, so that a row of services repeats at one place. A repeat tells so in any case',
    },
  },
};
