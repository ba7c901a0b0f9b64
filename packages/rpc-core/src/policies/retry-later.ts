import type { PolicyDescription } from './description.js';

/** How one-way calls that could not be sent are kept and sent later; `true` stands for the defaults. In memory only. */
export interface RetryLaterOptions {
  /** Calls that a client keeps at a time, of all its services together, 0 to 100,000 (default 1,000); 0: none. */
  readonly max?: number | undefined;
  /** The same for their encoded arguments and metadata, in bytes, 1,024 to 1,073,741,824 (default 16,777,216). */
  readonly maxBytes?: number | undefined;
  /** For how long a call is kept, in milliseconds, 1 to 3,600,000 (default 60,000). No attempt begins later than that. */
  readonly forMs?: number | undefined;
}

/** One-way calls that are kept and sent later. */
export const retryLaterPolicy: PolicyDescription<RetryLaterOptions> = {
  name: 'retryLater',
  option: 'retryLater',
  levels: ['call', 'rule', 'method', 'service', 'client'],
  applies: 'nearest',
  isOptIn: true,
  off: { max: 0 },
  ofTrue: true,
  rule: 'values',
  values: {
    max: {
      type: 'number',
      bounds: { min: 0, max: 100_000, integer: true },
      default: 1_000,
      text: 'one-way calls that could not be sent and that a client keeps at a time, of all its services together. See [sent later](governance/retry-later.md)',
    },
    maxBytes: {
      type: 'number',
      bounds: { min: 1_024, max: 1_073_741_824, integer: true },
      default: 16_777_216,
      text: 'the same for their encoded arguments and metadata',
    },
    forMs: {
      type: 'number',
      bounds: { min: 1, max: 3_600_000 },
      default: 60_000,
      text: 'for how long a call is kept; no attempt begins later than that',
    },
  },
};
