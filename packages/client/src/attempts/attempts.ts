import { type AttemptRecord, type Call, CallTrail, type Clock, isRpcError, type RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { showCaller } from '../policy/name-call.js';
import { downstreamOf, timeOfAttempt } from '../policy/time-of-call.js';
import { completeError } from './complete-error.js';
import { isFreeRepeat, wasDenied } from './retry-decision.js';
import { noteSilence } from './silence.js';

/**
 * Where the attempts of a call stand.
 *
 * - `open`: one has failed, and another may follow.
 * - `committed`: one was answered, and that answer is the call's.
 * - `given up`: the call has failed for good, and its gates are settled.
 */
export type AttemptsState = 'open' | 'committed' | 'given up';

/**
 * The attempts of one call from its first failure on: their numbers, their records, the one repeat that is free, and the end.
 * Retry, and a stream that moves, ask it, so that no call is repeated after its end or ends twice. A call that succeeds at once
 * has none.
 */
export class Attempts {
  readonly call: Call;
  readonly #clock: Clock;
  readonly #isClosed: () => boolean;
  readonly #leftOut: ((call: Call) => string) | undefined;
  #state: AttemptsState = 'open';
  #last: Call;
  #error: RpcError | undefined;
  #freeUsed = false;

  /**
   * @param isClosed - whether the client has been closed: then nothing is repeated any more
   * @param leftOut - see `completeError`
   */
  constructor(call: Call, clock: Clock, isClosed: () => boolean, leftOut?: (call: Call) => string) {
    this.call = call;
    this.#last = call;
    this.#clock = clock;
    this.#isClosed = isClosed;
    this.#leftOut = leftOut;
  }

  get state(): AttemptsState {
    return this.#state;
  }

  /** The attempt that has failed last, or that is in flight. */
  get last(): Call {
    return this.#last;
  }

  /** How the last one has failed. */
  get error(): RpcError | undefined {
    return this.#error;
  }

  /** Whether another attempt may follow at all. */
  get mayGoOn(): boolean {
    return this.#state === 'open' && !this.#isClosed() && this.call.signal?.aborted !== true;
  }

  /** Records that an attempt has failed. @returns what it failed with, as an {@link RpcError} */
  failed(attempt: Call, thrown: unknown): RpcError {
    const error = endFailed(attempt, thrown, this.#clock);
    this.#last = attempt;
    this.#error = error;
    recordAttempt(attempt, error);
    return error;
  }

  /**
   * Takes the one repeat that costs nothing, for an attempt that was never started.
   * @param mayBeAnswered - whether another node may answer what this one has denied; called only for such errors
   */
  takeFree(error: RpcError, mayBeAnswered: (call: Call) => boolean): boolean {
    if (this.#freeUsed || !this.mayGoOn) return false;
    const { call } = this;
    if (!isFreeRepeat(call, error) && !(wasDenied(call, error) && mayBeAnswered(call))) return false;
    this.#freeUsed = true;
    return true;
  }

  /** The next attempt, with its number. */
  next(): Call {
    // Concurrent attempts have numbers and records too.
    return this.call.nextAttempt(Math.max(this.#last.attempt + 1, this.call.attempts?.length ?? 0));
  }

  /** An attempt was answered: no other follows. */
  commit(): void {
    if (this.#state === 'open') this.#state = 'committed';
  }

  /**
   * The call has failed for good: completes the error, and settles the gates of the call with it. Once; later errors of the same
   * call are given back as they are.
   * @param stop - why there was no further attempt, `''` when that needs no words
   * @param above - see `showCaller`
   */
  giveUp(error: RpcError, stop: string, above: (...args: never[]) => unknown = this.giveUp): RpcError {
    if (this.#state !== 'open') return error;
    this.#state = 'given up';
    const { call } = this;
    if (this.#last !== call) call.adopt(this.#last);
    if (error !== this.#error) {
      // It was given up between two attempts: how far the last one got is what is known.
      error.progress = this.#error?.progress ?? error.progress;
      call.endedAt = this.#clock.now();
    }
    const final = showCaller(completeError(call, error, stop, this.#leftOut), above);
    call.settleCall(final);
    return final;
  }
}

/** Ends an attempt that has failed. @returns what it failed with, as an {@link RpcError} */
export function endFailed(attempt: Call, thrown: unknown, clock: Clock): RpcError {
  const error = asRpcError(thrown);
  if (attempt.attemptGate !== undefined) {
    // Something between has thrown, and the gates of the attempt are not settled yet.
    attempt.endedAt = clock.now();
    attempt.settleAttempt(error);
  }
  return error;
}

/** Makes what a layer below has thrown an {@link RpcError}. */
function asRpcError(error: unknown): RpcError {
  if (isRpcError(error)) return error;
  return rpcError('INTERNAL', 'a layer of this client has thrown', { cause: error, progress: 'maybe-processed' });
}

/** Adds an attempt that has failed to the records of its call. */
export function recordAttempt(attempt: Call, error: RpcError): void {
  const { root } = attempt;
  const lack = attempt.trail?.lack;
  if (lack !== undefined) {
    root.trail ??= new CallTrail();
    root.trail.lack = lack;
  }
  const phases = timeOfAttempt(attempt, error);
  const downstream = phases.downstream === undefined ? undefined : downstreamOf(attempt);
  const record: AttemptRecord = {
    endpoint: attempt.destination?.address ?? '',
    instance: attempt.destination?.instance,
    trial: attempt.trail?.trial,
    durationMs: attempt.startedAt > 0 ? Math.max(0, attempt.endedAt - attempt.startedAt) : 0,
    code: error.code,
    progress: error.progress,
    phases,
    ...(downstream && { downstream }),
  };
  noteSilence(attempt, error);
  if (root.attempts === undefined) root.attempts = [record];
  else root.attempts.push(record);
}
