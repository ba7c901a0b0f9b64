import type { RpcError } from '../error.js';
import type { PolicyDescription } from './description.js';

/**
 * Says whether an error counts against the node that it came from: `true` counts as a failure, `false` does not, and `undefined`
 * leaves it to the code. Called for each attempt that ended with an error, except for errors that say nothing about a node: those
 * that the caller cancelled, and expiries that this process noticed too late. When it throws, the error is surfaced and the code
 * decides.
 */
export type FailureWhen = (error: RpcError) => boolean | undefined;

/** What counts as a failure of a node. */
export interface FailureValues {
  /** Which errors count against a node in load balancing and open its breakers. Default: by the code. */
  readonly failureWhen?: FailureWhen | undefined;
}

/** What counts as a failure of a node, for load balancing, breakers and trial calls alike. */
export const failurePolicy: PolicyDescription<FailureValues> = {
  name: 'failure',
  option: undefined,
  levels: ['method', 'service', 'client'],
  applies: 'nearest',
  notBy: {
    call: 'nodes are compared by their records, which need one measure for all calls of a method',
    rule: 'it is a function',
  },
  values: {
    failureWhen: {
      type: 'function',
      defaultText: 'by the code',
      text: 'a function of an error that says whether it counts against the node: `true`, `false`, or `undefined` for what its code says, see [what counts as a failure](#what-counts-as-a-failure)',
    },
  },
};
