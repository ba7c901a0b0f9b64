import type { Call } from '@org/rpc-core';

/** No attempt is given up before this, in milliseconds, unless the call itself ends. */
const ATTEMPT_MIN_MS = 50;

/** An attempt may take so many times as long as the slowest answer of late before it is given up for another one. */
const SLOW_FACTOR = 3;

/**
 * Until when an attempt that starts now may take, in the clock's milliseconds.
 *
 * Without `attemptTimeoutMs`, an idempotent call with attempts left shares its time between them, so that one node that hangs
 * does not eat the time in which another could have answered; but never so little that a method that is merely slow would
 * fail at every node. A call that is not repeated has all its time for one attempt.
 *
 * @param attemptsLeft - attempts that may follow this one
 * @param attemptTimeoutMs - the `attemptTimeoutMs` of the call, `undefined` when none was given
 * @param slowMs - what the slowest answer of late took, `undefined` when too little is known: the attempt has all the time
 */
export function attemptDeadline(
  call: Call,
  now: number,
  attemptsLeft: number,
  attemptTimeoutMs: number | undefined,
  slowMs: number | undefined,
): number {
  const { deadline } = call;
  if (attemptTimeoutMs !== undefined) return Math.min(deadline, now + attemptTimeoutMs);
  if (!call.idempotent || call.oneWay || attemptsLeft <= 0 || slowMs === undefined) return deadline;
  const shareMs = (deadline - now) / (attemptsLeft + 0.5);
  return Math.min(deadline, now + Math.max(ATTEMPT_MIN_MS, SLOW_FACTOR * slowMs, shareMs));
}
