import { TIMEOUT_BOUNDS } from '../check.js';
import type { PolicyDescription } from './description.js';

/** How long calls may take. A value that is left out comes from a farther level or its default. */
export interface TimeoutValues {
  /** The time of a unary call, all attempts and waits included, in milliseconds, 1 to 2^31 - 1 (default 1,000). */
  readonly timeoutMs?: number | undefined;
  /**
   * The time of one attempt, in milliseconds, 1 to 2^31 - 1. Default: idempotent methods share the time that is left among the
   * attempts that are left; others have all of it for one.
   */
  readonly attemptTimeoutMs?: number | undefined;
}

/** The time of calls and of their attempts. */
export const timeoutPolicy: PolicyDescription<TimeoutValues> = {
  name: 'timeout',
  option: undefined,
  levels: ['call', 'rule', 'method', 'service', 'contract', 'client'],
  applies: 'nearest',
  rule: 'values',
  values: {
    timeoutMs: {
      type: 'number',
      bounds: TIMEOUT_BOUNDS,
      default: 1_000,
      text: 'of a call, all attempts and waits included. For a stream only what is said of its method or of the call counts: it has none otherwise',
      inContract: true,
      ownForStreams: true,
    },
    attemptTimeoutMs: {
      type: 'number',
      bounds: TIMEOUT_BOUNDS,
      defaultText: 'see below',
      text: 'of one attempt',
    },
  },
};
