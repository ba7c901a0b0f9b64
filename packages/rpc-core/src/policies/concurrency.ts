import type { PolicyDescription } from './description.js';

/** How many calls may be in progress at a time. */
export interface ConcurrencyLimitOptions {
  /** Calls in progress at a time, 1 to 1,000,000. */
  readonly max: number;
  /** Calls that may wait for one to end, in the order in which they came, 0 to 1,000,000 (default 0). */
  readonly queue?: number | undefined;
}

/** A bound on the calls in progress. */
export const concurrencyPolicy: PolicyDescription<ConcurrencyLimitOptions> = {
  name: 'concurrency',
  option: 'concurrency',
  levels: ['rule', 'method', 'service', 'client'],
  applies: 'each',
  isOptIn: true,
  notBy: { call: 'it bounds many calls together: one that could pass by would bound none' },
  rule: 'values',
  values: {
    max: {
      type: 'number',
      bounds: { min: 1, max: 1_000_000, integer: true },
      isRequired: true,
      text: 'calls under way',
    },
    queue: {
      type: 'number',
      bounds: { min: 0, max: 1_000_000, integer: true },
      default: 0,
      text: 'calls that may wait for one to end',
    },
  },
};
