import type { PolicyDescription } from './description.js';

/**
 * When a slow call is sent a second time, to another node. A value that is left out comes from a farther level or its default.
 */
export interface HedgeOptions {
  /**
   * Calls that take longer than this percentile of the method's recent answers are sent again, 50 to 99.9 (default 98). It needs
   * a hundred answers in the last ten to twenty seconds.
   */
  readonly percentile?: number | undefined;
  /**
   * The same as a fixed time, in milliseconds, 0 to 2^31 - 1. With 0 each call goes to `max` more nodes at once, and neither
   * `maxPercent` nor the retry budget applies.
   */
  readonly delayMs?: number | undefined;
  /** Attempts besides the first, 0 to 5 (default 1): one more each time the delay has passed. */
  readonly max?: number | undefined;
  /** How many hedges a method may make, in percent of its calls, 0 to 100 (default 2). They also draw on the retry budget. */
  readonly maxPercent?: number | undefined;
}

/** A second attempt beside one that is slow. */
export const hedgePolicy: PolicyDescription<HedgeOptions> = {
  name: 'hedge',
  option: 'hedge',
  levels: ['call', 'rule', 'method', 'service', 'client'],
  applies: 'nearest',
  isOptIn: true,
  off: { max: 0 },
  rule: 'values',
  values: {
    percentile: {
      type: 'number',
      bounds: { min: 50, max: 99.9 },
      default: 98,
      hides: 'delayMs',
      text: 'what is slower than this percentile of late is sent again, to another node. See [hedging](governance/hedge.md)',
    },
    delayMs: {
      type: 'number',
      bounds: { min: 0, max: 2 ** 31 - 1 },
      defaultText: 'by `percentile`',
      hides: 'percentile',
      text: 'the same as a fixed time. 0: every call goes to `max` more nodes at once, without `maxPercent` and budget',
    },
    max: {
      type: 'number',
      bounds: { min: 0, max: 5, integer: true },
      default: 1,
      text: 'attempts beside the first, one more each time that the delay has passed',
    },
    maxPercent: {
      type: 'number',
      bounds: { min: 0, max: 100 },
      default: 2,
      text: 'hedges per hundred calls of a method; they draw on the retry budget besides',
    },
  },
};
