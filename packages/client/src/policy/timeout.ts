import type { Call, TimeoutValues } from '@org/rpc-core';
import type { DarkView } from './fold.js';

/** No attempt is given up before this, in milliseconds, unless the call itself ends. */
const ATTEMPT_MIN_MS = 50;

/** An attempt may take this many times as long as the slowest recent answers before it is given up for another one. */
const SLOW_FACTOR = 2;

/**
 * The deadline of an attempt that starts now, in the clock's milliseconds.
 *
 * Without `attemptTimeoutMs`, an idempotent call with attempts left shares its time between them, so that one node that hangs
 * does not eat the time in which another could have answered; but never so little that a method that is merely slow would
 * fail at every node. A call that is not repeated has all its time for one attempt.
 *
 * @param attemptsLeft - attempts that may follow this one
 * @param attemptTimeoutMs - the `attemptTimeoutMs` of the call, `undefined` when none was given
 * @param slowMs - what the slowest answers of late take, `undefined` when too little is known: the attempt has all the time
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

/** What a dark rule would have changed in the time of a call; `undefined` when nothing. */
export function judgeTimeouts(
  call: Call,
  { hasOwnTimeout, inForce }: DarkView,
  wanted: TimeoutValues,
): string | undefined {
  const { timeoutMs, attemptTimeoutMs } = wanted;
  if (timeoutMs !== undefined && timeoutMs < inForce.timeout.timeoutMs && !hasOwnTimeout) {
    if (call.endedAt - call.createdAt > timeoutMs) return `it would have ended after ${timeoutMs} ms`;
  }
  if (attemptTimeoutMs === undefined || call.attemptTimeoutMs !== undefined) return undefined;
  const last = call.startedAt > 0 && call.attempts === undefined ? call.endedAt - call.startedAt : 0;
  const isLate = last > attemptTimeoutMs || call.attempts?.some(({ durationMs }) => durationMs > attemptTimeoutMs);
  return isLate ? `an attempt would have ended after ${attemptTimeoutMs} ms` : undefined;
}
