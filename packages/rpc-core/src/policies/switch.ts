import type { PolicyDescription } from './description.js';

/** Whether a method may be called. */
export interface MethodSwitch {
  readonly enabled: boolean;
  /** Told to callers while it is off: why, and what to do; at most 500 characters. */
  readonly message?: string | undefined;
  /** When callers may try again, in milliseconds, 0 to 2^31 - 1. */
  readonly retryAfterMs?: number | undefined;
}

/** Switching methods off. */
export const switchPolicy: PolicyDescription<MethodSwitch> = {
  name: 'switch',
  option: undefined,
  levels: ['rule'],
  applies: 'nearest',
  rule: 'methods',
  values: {
    enabled: {
      type: 'boolean',
      isRequired: true,
      text: "`false`: calls are refused in the client, before anything is sent, with `UNAVAILABLE` and `progress: 'unsent'`. They are not repeated",
    },
    message: { type: 'text', text: 'what callers are told' },
    retryAfterMs: {
      type: 'number',
      bounds: { min: 0, max: 2 ** 31 - 1 },
      text: 'the `retryAfterMs` of the error',
    },
  },
};
