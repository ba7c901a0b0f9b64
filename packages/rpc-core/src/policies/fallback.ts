import type { RpcError } from '../error.js';
import type { Metadata } from '../metadata.js';
import type { PolicyDescription } from './description.js';

/** The call that has failed, as a fallback sees it. */
export interface FailedCallInfo {
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly metadata: Metadata | undefined;
}

/** Returns another answer for a failed call. If it throws, its error is surfaced and the call fails with the call's own error. */
export type FallbackFunction = (error: RpcError, call: FailedCallInfo) => unknown;

/** The answer to a call that has failed. */
export interface FallbackOptions {
  /** The answer, the same object each time. Left out, and without `from`: `undefined`. */
  readonly value?: unknown;
  /** Makes the answer; a promise is awaited. Takes precedence over `value`. */
  readonly from?: FallbackFunction | undefined;
  /**
   * Which errors get the answer. Default: errors of servers, of the network and of this client's limits, but not errors with which a
   * handler refuses the request itself, and not cancellation by the caller.
   */
  readonly when?: ((error: RpcError) => boolean) | undefined;
  /** Whether it is on (default true): a rule can turn it off. */
  readonly enabled?: boolean | undefined;
}

/** Another answer in place of a failure. */
export const fallbackPolicy: PolicyDescription<FallbackOptions> = {
  name: 'fallback',
  option: 'fallback',
  levels: ['call', 'rule', 'method', 'service', 'client'],
  applies: 'nearest',
  isOptIn: true,
  off: { enabled: false },
  ofFunction: 'from',
  rule: 'values',
  values: {
    value: {
      type: 'any',
      hides: 'from',
      text: 'what a call that has failed is answered with, the same object each time. See [fallback](governance/fallback.md)',
    },
    from: {
      type: 'function',
      hides: 'value',
      text: 'a function of the error and the call that makes the answer; `fallback: (error, call) => ...` is short for it. Not in rules',
    },
    when: {
      type: 'function',
      defaultText: 'by the code',
      text: 'a function of the error that says whether it holds for it. Not in rules',
    },
    enabled: { type: 'boolean', default: true, text: 'a rule with `false` puts it off' },
  },
};
