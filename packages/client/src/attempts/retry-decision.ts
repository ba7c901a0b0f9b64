import type { Call, Random, RpcError } from '@org/rpc-core';
import { retryDelayMs } from '../policy/backoff.js';
import { isDenialCode } from '../policy/outcome.js';
import type { RetryBudget } from '../policy/retry-budget.js';
import { standingStill } from './silence.js';

/** A call after which this many nodes stand still, or are gone, may be the reason: it is given to no other node. */
const STANDING_STILL_MAX = 2;

/** What is known when an attempt has failed, besides its error. */
export interface RetryFacts {
  /** Retries that may be made in all. */
  readonly max: number;
  /** Retries made so far; the free repeat is not one. */
  readonly retries: number;
  readonly now: number;
  readonly random: Random;
  readonly budget: RetryBudget;
  /** Whether there is a node that has not been tried yet. Means something where the error says when to come back. */
  readonly hasUntried: boolean;
  /** Whether the attempt that failed was a trial of a node that had failed: its repeat is free. */
  readonly wasTrial?: boolean;
  /** Whether a call that a node has denied may be answered by one that was not tried. */
  readonly mayBeAnswered?: boolean;
  /** When the attempt that failed had no time left, in the clock's milliseconds. */
  readonly attemptDeadline?: number;
}

/** A server counts in whole milliseconds, and may say up to so much before this client that the time of an attempt is over. */
const FIRST_MS = 2;

/** Wait `waitMs` and try again, or stop and say why; `''` when the error speaks for itself. */
export type RetryDecision = { readonly waitMs: number } | { readonly stop: string };

/**
 * Whether an attempt that never started may be repeated at once without the budget: nothing of it reached the server, or the
 * server was draining and said so. Sending it elsewhere adds no load. A server that names a time to wait is not leaving: it asks
 * not to be called again at once.
 */
export function isFreeRepeat(call: Call, error: RpcError): boolean {
  if (call.oneWay || error.code !== 'UNAVAILABLE' || error.retryAfterMs !== undefined) return false;
  return error.progress === 'unsent' || error.progress === 'refused';
}

/**
 * Whether a server has denied a call before any handler saw it: it lacks the method, or does not accept the caller. Where others
 * may answer, a repeat there is free too.
 */
export function wasDenied(call: Call, error: RpcError): boolean {
  return !call.oneWay && error.progress === 'refused' && isDenialCode(error.code);
}

/** Why a call is not repeated where `max` is 0, which rules may have set. */
export const RETRIES_ARE_OFF = 'retries are off';
/** The same where so many repeats have been made as `max` allows. */
export const NO_RETRIES_LEFT = 'no retries are left';

/**
 * Decides on a retry: one rule for the first failure and for all that follow. It reads first how far the attempt got, then
 * whether the method may be repeated, then whether time and budget allow it. The budget is asked last, so that nothing is taken
 * from it in vain.
 *
 * Sources: gRPC A6 (transparent retries, pushback), Finagle (one budget).
 */
export function decideRetry(call: Call, error: RpcError, facts: RetryFacts): RetryDecision {
  const isDenied = facts.mayBeAnswered === true && wasDenied(call, error);
  const obstacle = isDenied && call.signal?.aborted !== true ? undefined : repeatObstacle(call, error, facts);
  if (obstacle !== undefined) return { stop: obstacle };
  if (facts.max === 0) return { stop: RETRIES_ARE_OFF };
  if (standingStill(call) >= STANDING_STILL_MAX)
    return { stop: 'the nodes that were given it have said nothing since' };
  if (facts.retries >= facts.max) return { stop: NO_RETRIES_LEFT };
  const leftMs = call.deadline - facts.now;
  // The wait that one node asks for does not apply to another.
  const askedMs = facts.hasUntried ? undefined : error.retryAfterMs;
  if (askedMs !== undefined && askedMs >= leftMs)
    return { stop: `the server asks to wait ${askedMs} ms, which is beyond the deadline` };
  const waitMs = retryWaitMs(askedMs, leftMs, facts);
  if (waitMs >= leftMs) return { stop: 'no time is left' };
  if (facts.wasTrial !== true && !facts.budget.withdraw(facts.now, call))
    return { stop: 'the retry budget is used up' };
  return { waitMs };
}

/**
 * Never less than was asked for, and up to a quarter more; otherwise callers that were refused together would come back together.
 */
function retryWaitMs(askedMs: number | undefined, leftMs: number, { retries, random }: RetryFacts): number {
  if (askedMs === undefined) return retryDelayMs(retries, random);
  return askedMs + Math.min((random() * askedMs) / 4, (leftMs - askedMs) / 2);
}

/** Why this outcome must not be repeated, whatever else allows it; `undefined` when it may be. */
function repeatObstacle(call: Call, error: RpcError, { now, attemptDeadline }: RetryFacts): string | undefined {
  if (call.signal?.aborted) return '';
  const { code, progress } = error;
  const onceMore = code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED' || code === 'RESOURCE_EXHAUSTED';
  // An answer that is too large here would be too large from any server.
  if (!onceMore || error.final) return '';
  if (call.oneWay) return 'one-way calls are never retried';
  switch (progress) {
    case 'unsent':
      // A limit of this client has refused it, and would refuse it again.
      return code === 'RESOURCE_EXHAUSTED' ? '' : undefined;
    case 'refused':
      return undefined;
    case 'maybe-processed':
      // A reply that is too large for this client would be no smaller.
      if (code === 'RESOURCE_EXHAUSTED') return '';
      return call.idempotent ? undefined : NOT_IDEMPOTENT;
    default:
      // The deadline of a call that the handler itself made is not ours; that of the attempt is, whoever is the first to say so.
      if (code === 'DEADLINE_EXCEEDED' && now < (attemptDeadline ?? Number.POSITIVE_INFINITY) - FIRST_MS) return '';
      return call.idempotent ? undefined : NOT_IDEMPOTENT;
  }
}

/** Why a call is not repeated that may have been processed. */
export const NOT_IDEMPOTENT = 'the method is not marked idempotent';
