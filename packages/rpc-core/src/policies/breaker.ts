import type { PolicyDescription } from './description.js';

/** When calls to a node are stopped, counted for each node and method on its own. */
export interface BreakerOptions {
  /** It opens above this share of failures, in percent, 1 to 100 (default 50). 100: never. */
  readonly errorPercent?: number | undefined;
  /** It stays closed while fewer calls than this are in the window, 1 to 1,000,000 (default 20). */
  readonly minCalls?: number | undefined;
  /** The sliding window, in milliseconds, 1,000 to 600,000 (default 10,000). */
  readonly windowMs?: number | undefined;
  /**
   * The time from opening to the trial call, in milliseconds, 100 to 300,000 (default 5,000). In a long outage the next trial
   * comes after a twelfth of the time that the outage has lasted, at most 300 s.
   */
  readonly openMs?: number | undefined;
}

/** Avoiding a node for a method that fails there. */
export const breakerPolicy: PolicyDescription<BreakerOptions> = {
  name: 'breaker',
  option: 'breaker',
  levels: ['rule', 'method', 'service', 'client'],
  applies: 'nearest',
  notBy: { call: 'it is open or closed for all calls of a method together' },
  off: { errorPercent: 100 },
  rule: 'values',
  values: {
    errorPercent: {
      type: 'number',
      bounds: { min: 1, max: 100 },
      default: 50,
      text: 'it opens above this share of failures. 100: off. See [breaker](governance/breaker.md)',
    },
    minCalls: {
      type: 'number',
      bounds: { min: 1, max: 1_000_000, integer: true },
      default: 20,
      text: 'and not before this many calls lie in the window',
    },
    windowMs: {
      type: 'number',
      bounds: { min: 1_000, max: 600_000 },
      default: 10_000,
      text: 'the sliding window',
    },
    openMs: {
      type: 'number',
      bounds: { min: 100, max: 300_000 },
      default: 5_000,
      text: 'from opening to the trial call. After a long outage a twelfth of its time, at most 300 s',
    },
  },
};
