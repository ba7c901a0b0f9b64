import {
  type AbandonReason,
  type Call,
  type CallHolder,
  CallTrail,
  type Clock,
  type Code,
  type Progress,
  type RpcError,
  type Unasked,
} from '@org/rpc-core';
import { cancelledError, markLate, rpcError, type TimerQueue } from '@org/rpc-core/internal';
import { CallQueue } from './call-queue.js';
import { unwatchSignal, watchSignal } from './call-signals.js';

/** Why a call ends before its answer: it was abandoned, or its deadline passed; `late`, when this process was too busy to see it. */
export type GivenUp = AbandonReason | 'expired' | 'late';

/** The protocol of a connection, as the owner of its calls in flight uses it. It keeps their ids. */
export interface CallWire {
  /** How many calls have been given to it and have not ended. */
  readonly size: number;
  /** Why a call can neither be sent on this connection nor wait for it; `undefined` when it can. */
  refusal(call: Call): RpcError | undefined;
  /** Whether a call has to wait until others have ended, or have been written. */
  mustWait(call: Call): boolean;
  /**
   * Sends a call.
   * @param at - the time, in the clock's milliseconds
   * @returns why it cannot be sent; nothing of it has been sent then
   */
  transmit(call: Call, at: number): RpcError | undefined;
  /** Nobody waits for this call any more. Returns how far it got, `undefined` when it has ended already. */
  giveUp(call: Call, why: GivenUp): Progress | undefined;
  /**
   * Asks the server where a call stands that it has been sent. Left out: the protocol has no such question.
   * @returns why it was not asked; `undefined` when it was
   */
  ask?(call: Call): Unasked | undefined;
  /** The connection is over: gives up every call, and says how far it got. */
  giveUpAll(lost: (call: Call, progress: Progress) => void): void;
  /** The last call has ended, and no more will come. */
  finish(): void;
}

/** What the owner of the calls of a connection is made of. */
export interface CallOwnerOptions {
  readonly wire: CallWire;
  readonly clock: Clock;
  /** Expires the calls; shared by the connections of a client. */
  readonly timers: TimerQueue;
  /** Where calls wait; left out: in a queue of its own. */
  readonly queue?: CallQueue | undefined;
}

/**
 * The calls in flight on one connection of a client, whatever it speaks: each one that is given to `send` settles exactly once,
 * by its answer, its deadline, its caller, or the loss of the connection.
 */
export class CallOwner implements CallHolder {
  readonly #wire: CallWire;
  readonly #clock: Clock;
  readonly #timers: TimerQueue;
  /** Calls that wait until others have ended, here or on another connection that takes from the same queue. */
  readonly #waiting: CallQueue;
  #sending: Call | undefined;
  #isDraining = false;
  #closedReason: string | undefined;
  #closedCode: Code = 'UNAVAILABLE';

  constructor({ wire, clock, timers, queue = new CallQueue() }: CallOwnerOptions) {
    this.#wire = wire;
    this.#clock = clock;
    this.#timers = timers;
    this.#waiting = queue;
    queue.join();
  }

  /** Whether calls may be sent. */
  get isOpen(): boolean {
    return this.#closedReason === undefined && !this.#isDraining;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Whether the connection is over. */
  get isClosed(): boolean {
    return this.#closedReason !== undefined;
  }

  /** How many calls wait to be sent. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** How many calls have been sent, or wait for that, and have not ended. */
  get size(): number {
    return this.#wire.size + this.#waiting.size;
  }

  /** Sends a call. The promise settles by its `attemptDeadline`, whatever the server does. */
  send(call: Call): Promise<unknown> {
    this.#sending = call;
    return new Promise(this.#begin);
  }

  /** One function for all promises: a closure for each call would be garbage the moment that it is made. */
  readonly #begin = (resolve: (value: unknown) => void, reject: (error: RpcError) => void): void => {
    const call = this.#sending!;
    this.#sending = undefined;
    call.resolve = resolve;
    call.reject = reject;
    this.#send(call);
  };

  #send(call: Call): void {
    if (!this.isOpen)
      return call.fail(callError(call, this.#closedCode, this.#closedReason ?? 'the server is draining', 'unsent'));
    const refusal = this.#wire.refusal(call);
    if (refusal !== undefined) return call.fail(refusal);
    if (call.signal?.aborted) return call.fail(cancelledError(call));
    const mustWait = this.#wire.mustWait(call);
    if (mustWait || !call.oneWay) this.#hold(call);
    if (mustWait) this.#waiting.add(call);
    else this.#transmit(call, call.startedAt);
  }

  #transmit(call: Call, at: number): void {
    const refusal = this.#wire.transmit(call, at);
    if (refusal === undefined) return;
    this.#release(call);
    call.fail(refusal);
  }

  /** Sends the calls that need not wait any more; closes when the last call of a drain has ended. */
  proceed(): void {
    if (this.#closedReason !== undefined) return;
    if (this.#waiting.size > 0) this.#sendWaiting();
    if (this.#isDraining && this.size === 0) this.#wire.finish();
  }

  #sendWaiting(): void {
    const now = this.#clock.now();
    for (const call of this.#waiting) {
      if (this.#wire.mustWait(call)) return;
      this.#waiting.delete(call);
      // Nothing ends a one-way call after it has been sent; any other call belongs to this connection from now on.
      if (call.oneWay) this.#release(call);
      else call.holder = this;
      this.#transmit(call, now);
    }
  }

  /** The answer of a call has come, or none will: nothing else ends it any more. */
  answered(call: Call, at: number): void {
    call.endedAt = at;
    this.#release(call);
  }

  /** A one-way call has been handed to the stream, or dropped with it. */
  written(call: Call): void {
    call.endedAt = this.#clock.now();
    if (this.#closedReason === undefined) call.succeed(undefined);
    else call.fail(callError(call, 'UNAVAILABLE', this.#closedReason, 'unsent'));
  }

  /** Takes no more calls; those that have been given to it are answered. */
  drain(): void {
    this.#isDraining = true;
    this.proceed();
  }

  /**
   * The connection is over: every call fails. Returns whether it was open until now.
   * @param code - `UNAUTHENTICATED`, when the server has refused whoever is here
   */
  lose(reason: string, code: Code = 'UNAVAILABLE'): boolean {
    if (this.#closedReason !== undefined) return false;
    this.#closedReason = reason;
    this.#closedCode = code;
    const isRefused = code === 'UNAUTHENTICATED';
    const prefix = isRefused ? '' : 'connection lost before the reply: ';
    this.#wire.giveUpAll((call, progress) => this.#lose(call, prefix + reason, progress));
    for (const call of this.#waiting.leave()) this.#lose(call, reason, isRefused ? 'refused' : 'unsent');
    return true;
  }

  #lose(call: Call, reason: string, progress: Progress): void {
    this.answered(call, this.#clock.now());
    const error = callError(call, this.#closedCode, reason, progress);
    error.lost = progress === 'maybe-processed';
    call.fail(error);
  }

  // CallHolder

  halfway(call: Call): void {
    call.trail ??= new CallTrail();
    // One that waits here was not sent, and needs no answer.
    if (this.#waiting.has(call)) return;
    const unasked = this.#wire.ask === undefined ? 'cannot' : this.#wire.ask(call);
    call.trail.asked = unasked ?? this.#clock.now();
  }

  expire(call: Call, late: boolean): void {
    const progress = this.#giveUp(call, late ? 'late' : 'expired');
    if (progress === undefined) return;
    const waitedMs = Math.round(call.endedAt - call.startedAt);
    const reason = `${progress === 'unsent' ? 'not sent' : 'no reply'} in ${waitedMs} ms`;
    const error = callError(call, 'DEADLINE_EXCEEDED', reason, progress);
    if (late) markLate(error);
    call.fail(error);
    this.proceed();
  }

  abandon(call: Call, error: RpcError, reason: AbandonReason = 'caller'): void {
    const progress = this.#giveUp(call, reason);
    if (progress === undefined) return;
    error.progress = progress;
    error.endpoint = call.destination?.address;
    call.fail(error);
    this.proceed();
  }

  #giveUp(call: Call, why: GivenUp): Progress | undefined {
    const progress = this.#waiting.delete(call) ? 'unsent' : this.#wire.giveUp(call, why);
    if (progress !== undefined) this.answered(call, this.#clock.now());
    return progress;
  }

  /** From now on the deadline of a call, and its caller's signal, end it here. */
  #hold(call: Call): void {
    call.holder = this;
    if (call.attemptDeadline !== Number.POSITIVE_INFINITY) this.#timers.add(call);
    watchSignal(call);
  }

  /** Harmless for a call that is not held. */
  #release(call: Call): void {
    call.holder = undefined;
    this.#timers.remove(call);
    unwatchSignal(call);
  }
}

/** The error of a call whose handler has run, and whose answer cannot be taken here: it would be the same from any other server. */
export function unfitAnswer(call: Call, code: Code, reason: string): RpcError {
  const error = callError(call, code, reason, 'processed');
  error.final = true;
  return error;
}

/**
 * Whether a server seems to stand still: nothing came from it during a call, except perhaps at the beginning, when earlier bytes
 * were still on their way.
 * @param heardAt - when something last came
 */
export function isSilent(heardAt: number, { startedAt }: Call, now: number): boolean {
  return heardAt < (startedAt + now) / 2;
}

/** The error of a call that a connection has, or would have, sent: with its names and where it went. */
export function callError(call: Call, code: Code, reason: string, progress: Progress, cause?: unknown): RpcError {
  const { service, method, destination } = call;
  // Made where bytes or timers come in, which says nothing to the caller.
  return rpcError(code, reason, { service, method, endpoint: destination?.address, progress, cause, hasStack: false });
}
