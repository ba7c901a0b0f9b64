import { TIMEOUT_BOUNDS } from '../check.js';
import type { PolicyDescription } from './description.js';

/** How long calls may take; what is left out stays as it is. */
export interface TimeoutValues {
  /** Of a unary call, all attempts and waits included, in milliseconds, 1 to 2^31 - 1 (default 1,000). */
  readonly timeoutMs?: number | undefined;
  /**
   * Of one attempt, in milliseconds, 1 to 2^31 - 1. Default: for idempotent methods the time that is left, shared among the
   * attempts that are left; for others all of it.
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
