import type { Call } from '@org/rpc-core';

/** No attempt is given up before this, in milliseconds, unless the call itself ends. */
const ATTEMPT_MIN_MS = 50;

/**
 * Until when an attempt that starts now may take, in the clock's milliseconds.
 *
 * Without `attemptTimeoutMs`, an idempotent call with attempts left shares its time between them, so that one node that hangs
 * does not eat the time in which another could have answered. A call that is not repeated has all its time for one attempt.
 *
 * @param attemptsLeft - attempts that may follow this one
 * @param attemptTimeoutMs - the `attemptTimeoutMs` of the call, `undefined` when none was given
 */
export function attemptDeadline(
  call: Call,
  now: number,
  attemptsLeft: number,
  attemptTimeoutMs: number | undefined,
): number {
  const { deadline } = call;
  if (attemptTimeoutMs !== undefined) return Math.min(deadline, now + attemptTimeoutMs);
  if (!call.idempotent || call.oneWay || attemptsLeft <= 0) return deadline;
  return Math.min(deadline, now + Math.max(ATTEMPT_MIN_MS, (deadline - now) / (attemptsLeft + 0.5)));
}
