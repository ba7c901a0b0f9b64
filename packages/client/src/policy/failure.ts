import type { FailureWhen, Outcome } from '@org/rpc-core';
import { isLate, surface } from '@org/rpc-core/internal';
import { classify, type OutcomeKind } from './outcome.js';

/**
 * What the outcome of an attempt says of its node, when `failureWhen` may decide. Outcomes that say nothing of any node are not
 * changed by it; an answer that it does not count as a failure shows that the node works.
 */
export function judgeFailure(outcome: Outcome, failureWhen: FailureWhen): OutcomeKind {
  const kind = classify(outcome);
  if (outcome === undefined || outcome.code === 'CANCELLED' || isLate(outcome)) return kind;
  let isFailure: boolean | undefined;
  try {
    isFailure = failureWhen(outcome);
  } catch (error) {
    surface(error);
  }
  if (isFailure === true) return 'failure';
  if (isFailure !== false || kind !== 'failure') return kind;
  return outcome.progress === 'processed' ? 'business' : 'ignore';
}
