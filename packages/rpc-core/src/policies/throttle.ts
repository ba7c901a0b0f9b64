import type { PolicyDescription } from './description.js';

/** When a client refuses a part of its own calls because servers refuse most of them; what is left out stays as it is. */
export interface ThrottleOptions {
  /** Calls are sent up to so many times as many as servers take, 1 to 10 (default 2). */
  readonly multiplier?: number | undefined;
  /** What is refused at most, in percent of the calls, 0 to 99 (default 90): the rest finds out when it is over. */
  readonly maxPercent?: number | undefined;
  /** Calls of the last 30 s, since the first that was refused, before any is refused here, 1 to 1,000,000 (default 100). */
  readonly minCalls?: number | undefined;
}

/** Refusing in the client what servers would refuse. */
export const throttlePolicy: PolicyDescription<ThrottleOptions> = {
  name: 'throttle',
  option: 'throttle',
  levels: ['rule', 'method', 'service', 'client'],
  applies: 'nearest',
  off: { maxPercent: 0 },
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
