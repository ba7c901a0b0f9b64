import type { PolicyDescription } from './description.js';

/** When a node that fails gets no calls of any method. A value that is left out comes from a farther level or its default. */
export interface EjectionOptions {
  /** After this many failures in a row, 1 to 1,000 (default 5). Failures of calls that were in flight together count as one. */
  readonly consecutive?: number | undefined;
  /** Or below this share of successes, in percent, 0 to 100 (default 80). */
  readonly successPercent?: number | undefined;
  /** `successPercent` counts only when this many calls are in the window, 1 to 1,000,000 (default 20). */
  readonly minCalls?: number | undefined;
  /** The sliding window, in milliseconds, 1,000 to 600,000 (default 30,000). */
  readonly windowMs?: number | undefined;
  /** How many of the nodes that take calls may be ejected, in percent, 0 to 100 (default 50); never the last one. */
  readonly maxPercent?: number | undefined;
  /**
   * The time from the ejection to the trial call, in milliseconds, 100 to 300,000 (default 5,000); longer in a long outage, see
   * `breaker.openMs`.
   */
  readonly ejectMs?: number | undefined;
}

/** Avoiding a node that fails, whatever the method. */
export const ejectionPolicy: PolicyDescription<EjectionOptions> = {
  name: 'ejection',
  option: 'ejection',
  levels: ['rule', 'service', 'client'],
  applies: 'nearest',
  notBy: {
    call: 'a node is left alone for all calls together',
    method: 'a node is left alone for all methods together',
  },
  off: { maxPercent: 0 },
  rule: 'service',
  values: {
    consecutive: {
      type: 'number',
      bounds: { min: 1, max: 1_000, integer: true },
      default: 5,
      text: 'a node is left alone after so many failures in a row; those that were under way together count as one. See [ejection](governance/ejection.md)',
    },
    successPercent: {
      type: 'number',
      bounds: { min: 0, max: 100 },
      default: 80,
      text: 'or below this share of successes',
    },
    minCalls: {
      type: 'number',
      bounds: { min: 1, max: 1_000_000, integer: true },
      default: 20,
      text: 'and then not before this many calls lie in the window',
    },
    windowMs: {
      type: 'number',
      bounds: { min: 1_000, max: 600_000 },
      default: 30_000,
      text: 'the sliding window',
    },
    maxPercent: {
      type: 'number',
      bounds: { min: 0, max: 100 },
      default: 50,
      text: 'how many of the nodes that take calls may be left alone, one of two in any case and never the last. 0: off',
    },
    ejectMs: {
      type: 'number',
      bounds: { min: 100, max: 300_000 },
      default: 5_000,
      text: 'from the ejection to the trial call. After a long outage a twelfth of its time, at most 300 s',
    },
  },
};
