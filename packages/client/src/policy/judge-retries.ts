import { type Call, isRpcError, type Outcome, type RetryOptions } from '@org/rpc-core';
import type { DarkView } from './fold.js';

/** What a dark rule would have changed in the repeats of a call; `undefined` when nothing. */
export function judgeRetries(
  call: Call,
  outcome: Outcome,
  { isStream, inForce }: DarkView,
  { max }: RetryOptions,
): string | undefined {
  const inForceMax = inForce.retry.max;
  const failed = call.attempts ?? [];
  if (isStream || max === undefined || max === inForceMax || failed.length === 0) return undefined;
  // An attempt that never started is repeated once without the budget, whatever the rules say.
  const free = failed.some(({ progress }) => progress === 'unsent' || progress === 'refused') ? 1 : 0;
  const used = (outcome === undefined ? failed.length : failed.length - 1) - free;
  if (used > max) return `it would have been repeated ${max} times at most`;
  const wouldGoOn = isRpcError(outcome) && call.idempotent && used === inForceMax && max > inForceMax;
  return wouldGoOn ? `it would have been repeated up to ${max} times` : undefined;
}
