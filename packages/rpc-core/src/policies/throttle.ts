import type { PolicyDescription } from './description.js';

/**
 * When a client refuses a part of its own calls because servers refuse most of them. A value that is left out comes from a
 * farther level or its default.
 */
export interface ThrottleOptions {
  /** How many calls are sent for each one that servers accept, 1 to 10 (default 2); the rest is refused here. */
  readonly multiplier?: number | undefined;
  /** The most calls that are refused, in percent, 0 to 99 (default 90): the others find out when the overload is over. */
  readonly maxPercent?: number | undefined;
  /**
   * How many calls are counted before any is refused here, 1 to 1,000,000 (default 100): calls of the last 30 s, since a server
   * first refused one.
   */
  readonly minCalls?: number | undefined;
}

/** Refusing calls in the client that servers would refuse. */
export const throttlePolicy: PolicyDescription<ThrottleOptions> = {
  name: 'throttle',
  option: 'throttle',
  levels: ['call', 'rule', 'method', 'service', 'client'],
  inCall: 'off',
  applies: 'nearest',
  off: { maxPercent: 0 },
  notBy: {
    call: 'what servers take is counted for the method, from all its calls; one of them can pass by it, and no more',
  },
  rule: 'values',
  values: {
    multiplier: {
      type: 'number',
      bounds: { min: 1, max: 10 },
      default: 2,
      text: 'attempts are sent up to so many times as many as servers take; the others are refused in the client. See [throttle](governance/throttle.md)',
    },
    maxPercent: {
      type: 'number',
      bounds: { min: 0, max: 99 },
      default: 90,
      text: 'what is refused at most, in percent of the attempts: the rest finds out when it is over',
    },
    minCalls: {
      type: 'number',
      bounds: { min: 1, max: 1_000_000, integer: true },
      default: 100,
      text: 'attempts of the last 30 s, since the first that a server refused, before any is refused here',
    },
  },
};
