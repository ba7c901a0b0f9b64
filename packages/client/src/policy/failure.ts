import type { FailureWhen, Outcome } from '@org/rpc-core';
import { isLate, surface } from '@org/rpc-core/internal';
import { classify, type OutcomeKind } from './outcome.js';

/**
 * What the outcome of an attempt says of its node, where its user has a word in it. What says nothing of any node stays so,
 * whatever the user says; what is no failure for them shows, if the node answered, that it works.
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
