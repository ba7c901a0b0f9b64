import type { PolicyDescription } from './description.js';

/** How many repeated attempts a client may add to the load of one service; retries and hedges share it. */
export interface RetryBudgetOptions {
  /** Repeats per hundred calls, 0 to 100 (default 20). */
  readonly percent?: number | undefined;
  /** Over how long calls are counted, in milliseconds, 1,000 to 600,000 (default 10,000). */
  readonly windowMs?: number | undefined;
  /**
   * The most repeats per second beyond the share, so that a client with few calls may repeat too: 7 for a hundred calls, up to
   * this bound, and one every 20 s where hardly any calls are made; 0 to 1,000 (default 1).
   */
  readonly minPerSecond?: number | undefined;
}

/** What all repeats together may add to the load of a service. */
export const retryBudgetPolicy: PolicyDescription<RetryBudgetOptions> = {
  name: 'retryBudget',
  option: 'retryBudget',
  title: 'retry budget',
  levels: ['rule', 'service', 'client'],
  applies: 'nearest',
  notBy: {
    call: 'all calls of a service share one; a call has `retry: false`',
    method: 'all methods of a service load the same servers',
  },
  rule: 'service',
  values: {
    percent: {
      type: 'number',
      bounds: { min: 0, max: 100 },
      default: 20,
      inRule: 'repeatPercent',
      text: 'repeats per hundred calls of a service; the same share of the calls in flight may be repeats, and three in any case',
    },
    windowMs: {
      type: 'number',
      bounds: { min: 1_000, max: 600_000 },
      default: 10_000,
      text: 'over how long calls are counted',
    },
    minPerSecond: {
      type: 'number',
      bounds: { min: 0, max: 1_000 },
      default: 1,
      text: 'repeats per second that may come on top, so that a client with few calls may repeat at all: 7 for a hundred calls, up to this bound, and one every 20 s where hardly any are made',
    },
  },
};
