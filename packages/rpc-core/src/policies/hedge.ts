import type { PolicyDescription } from './description.js';

/** When a call that is slow is sent a second time, to another node; what is left out stays as it is. */
export interface HedgeOptions {
  /**
   * How long an answer may take, as a percentile of what the method has taken of late, 50 to 99.9 (default 98): slower
   * ones are sent again. It needs a hundred answers of the last ten to twenty seconds.
   */
  readonly percentile?: number | undefined;
  /**
   * The same as a fixed time, in milliseconds, 0 to 2^31 - 1. 0 sends each call to `max` more nodes at once, and `maxPercent`
   * and the retry budget do not hold then.
   */
  readonly delayMs?: number | undefined;
  /** Attempts beside the first, 0 to 5 (default 1): one more each time that the delay has passed. */
  readonly max?: number | undefined;
  /** What hedges may add to the calls of a method, in percent of them, 0 to 100 (default 2). They draw on the retry budget besides. */
  readonly maxPercent?: number | undefined;
}

/** A second attempt beside one that is slow. */
export const hedgePolicy: PolicyDescription<HedgeOptions> = {
  name: 'hedge',
  option: 'hedge',
  levels: ['rule', 'method', 'service', 'client'],
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
