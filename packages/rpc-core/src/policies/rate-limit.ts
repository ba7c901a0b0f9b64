import type { PolicyDescription } from './description.js';

/** How many calls may start over time. */
export interface RateLimitOptions {
  /** Calls per second in the long run, 0.001 to 10,000,000. */
  readonly perSecond: number;
  /** Calls that may start at once after a pause, 1 to 10,000,000 (default: a tenth of `perSecond`, at least 1). */
  readonly burst?: number | undefined;
  /** Whether a call waits for its turn when that comes before its deadline (default true), or is refused at once. */
  readonly wait?: boolean | undefined;
}

/** A bound on how many calls start over time. */
export const rateLimitPolicy: PolicyDescription<RateLimitOptions> = {
  name: 'rateLimit',
  option: 'rateLimit',
  levels: ['rule', 'method', 'service', 'client'],
  applies: 'each',
  isOptIn: true,
  notBy: { call: 'it bounds many calls together: one that could pass by would bound none' },
  rule: 'values',
  values: {
    perSecond: {
      type: 'number',
      bounds: { min: 0.001, max: 10_000_000 },
      isRequired: true,
      text: 'calls per second in the long run',
    },
    burst: {
      type: 'number',
      bounds: { min: 1, max: 10_000_000, integer: true },
      default: ({ perSecond }) => Math.max(1, Math.floor((perSecond as number) / 10)),
      defaultText: 'a tenth of `perSecond`, at least 1',
      text: 'calls that may start at once after a pause',
    },
    wait: {
      type: 'boolean',
      default: true,
      text: 'a call waits for its turn if that comes before its deadline; `false`: it is refused at once',
    },
  },
};
