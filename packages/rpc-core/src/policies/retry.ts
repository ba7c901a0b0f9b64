import type { PolicyDescription } from './description.js';

/** How failed attempts are repeated; what is left out stays as it is. */
export interface RetryOptions {
  /** Attempts after the first, of calls whose method is idempotent, 0 to 10 (default 2). */
  readonly max?: number | undefined;
  /**
   * Whether calls that may be repeated here tell those who serve them to repeat nothing for them (default false: only what is a
   * repeat does). Where services call each other in a row, what fails at the end is then repeated at one place, and not at each.
   */
  readonly stopBelow?: boolean | undefined;
}

/** Repeating what has failed. */
export const retryPolicy: PolicyDescription<RetryOptions> = {
  name: 'retry',
  option: 'retry',
  levels: ['rule', 'method', 'service', 'client'],
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
