import { allowManyCalls } from './cancel.js';
import type { Clock } from './clock.js';
import { isRpcError, type RpcError, rpcError } from './error.js';
import type { WaitEnder } from './method-ref.js';
import type { Call } from './service.js';
import { type CallPhase, CallTrail } from './time-spent.js';

/**
 * A wait in progress on behalf of a call. Its owner calls `done` or `fail`; the call's deadline and signal end it by themselves.
 * The first of these counts, the others do nothing.
 */
export interface Waiting<T> {
  readonly promise: Promise<T>;
  done(value: T): void;
  fail(error: RpcError): void;
}

/** All waits of the calls of one client, to be ended together. */
export class Waits implements WaitEnder {
  readonly #ends = new Set<(reason: string) => void>();
  #closedReason: string | undefined;

  add(end: (reason: string) => void): void {
    const reason = this.#closedReason;
    if (reason === undefined) this.#ends.add(end);
    // Later, so that the caller can put the waiting into its queue first.
    else queueMicrotask(() => end(reason));
  }

  delete(end: (reason: string) => void): void {
    this.#ends.delete(end);
  }

  /** How many waits are open now. */
  get size(): number {
    return this.#ends.size;
  }

  /** Ends every wait with `UNAVAILABLE`, including waits that begin later. Idempotent. */
  close(reason: string): void {
    this.#closedReason = reason;
    for (const end of [...this.#ends]) end(reason);
  }
}

/**
 * Waits for something on behalf of a call: the only way to wait in this library, so that no wait outlives its call.
 *
 * @param what - what is waited for, for the error: `a free connection`, or a function that tells it when needed
 * @param onEnd - runs once when the wait is over, however it ended: leave the queue here
 * @param phase - what the waiting time counts as when the call fails, or a function that tells it when needed (default `limits`)
 */
export function waitFor<T>(
  clock: Clock,
  call: Call,
  what: string | (() => string),
  onEnd?: () => void,
  phase: CallPhase | (() => CallPhase) = 'limits',
): Waiting<T> {
  let done!: (value: T) => void;
  let fail!: (error: RpcError) => void;
  const promise = new Promise<T>((resolve, reject) => {
    const { signal } = call;
    const { waits, service, method } = call.methodRef;
    call.hasWaited = true;
    let cancelTimer: (() => void) | undefined;
    let over = false;
    const since = clock.now();
    const end = (): boolean => {
      if (over) return false;
      over = true;
      const { root } = call;
      root.trail ??= new CallTrail();
      const until = Math.min(clock.now(), root.deadline);
      root.trail.waited(typeof phase === 'string' ? phase : phase(), until - since);
      cancelTimer?.();
      signal?.removeEventListener('abort', onAbort);
      waits?.delete(onClose);
      onEnd?.();
      return true;
    };
    const onAbort = (): void => {
      if (end()) reject(cancelledError(call));
    };
    const onClose = (reason: string): void =>
      fail(rpcError('UNAVAILABLE', reason, { service, method, progress: 'unsent' }));
    done = (value) => {
      if (end()) resolve(value);
    };
    fail = (error) => {
      if (end()) reject(error);
    };
    waits?.add(onClose);
    // After this function has returned, so that the caller can put the waiting into its queue first.
    if (signal?.aborted) return queueMicrotask(onAbort);
    if (signal !== undefined) {
      allowManyCalls(signal);
      signal.addEventListener('abort', onAbort, { once: true });
    }
    if (call.deadline === Number.POSITIVE_INFINITY) return;
    // Timers may fire a little early, so the clock decides whether the time is up.
    const expire = (): void => {
      const remaining = call.deadline - clock.now();
      if (remaining > 0) cancelTimer = clock.schedule(remaining, expire);
      else fail(noTimeLeft(call, typeof what === 'string' ? what : what()));
    };
    // The clock is read once: a deadline that passes between two reads would end the wait before the caller has it.
    const remaining = call.deadline - clock.now();
    if (remaining > 0) cancelTimer = clock.schedule(remaining, expire);
    else queueMicrotask(expire);
  });
  return { promise, done, fail };
}

function noTimeLeft(call: Call, what: string): RpcError {
  const { service, method } = call;
  return rpcError('DEADLINE_EXCEEDED', `no time left while waiting for ${what}`, { service, method });
}

/**
 * Sleeps on behalf of a call. Ends early, with an error, when the caller aborts. The calling code must first check that the delay fits
 * into the deadline, and otherwise fail with the error of the attempt.
 * @param phase - what the sleep counts as when the call fails (default `retry`)
 * @param what - what is waited for, for the error of a call whose time is over first
 */
export function sleep(
  clock: Clock,
  delayMs: number,
  call: Call,
  phase: CallPhase = 'retry',
  what = 'the next attempt',
): Promise<void> {
  const waiting = waitFor<void>(clock, call, what, () => cancel(), phase);
  const cancel = clock.schedule(delayMs, () => waiting.done());
  return waiting.promise;
}

/** The error of a call whose caller gave up, or that ends with the call being served: its cause is the reason of the abort signal. */
export function cancelledError(call: Call): RpcError {
  const cause: unknown = call.signal?.reason;
  const isOver = call.deadlineBy === 'served call' && isRpcError(cause, 'DEADLINE_EXCEEDED');
  const why = isOver ? ', as the time of the call being served was over' : ' by the caller';
  return rpcError('CANCELLED', `${call.service}.${call.method} was cancelled${why}`, {
    cause,
    service: call.service,
    method: call.method,
  });
}
