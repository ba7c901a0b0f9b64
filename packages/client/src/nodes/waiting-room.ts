import type { Call, CallPhase, Clock, RpcError } from '@org/rpc-core';
import { rpcError, type Waiting, waitFor } from '@org/rpc-core/internal';

/** Calls of one service that may wait at a time: a service that is away must not fill the memory with what it is asked for. */
const WAITING_MAX = 16_384;

/** Where the calls of a service wait until they can be given to a node, each within its deadline. */
export class WaitingRoom {
  readonly #clock: Clock;
  readonly #max: number;
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting<void>>();

  /** @param max - calls that may wait at a time (default 16,384) */
  constructor(clock: Clock, max = WAITING_MAX) {
    this.#clock = clock;
    this.#max = max;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves when the call is woken; rejects when its deadline passes, its caller gives up, or too many wait already.
   * @param what - what is waited for, for the error
   * @param phase - what is lacking, for the times of a call that fails, or a function that tells it at the end (default `connection`)
   */
  wait(call: Call, what: () => string, phase: CallPhase | (() => CallPhase) = 'connection'): Promise<void> {
    if (this.#waiting.size >= this.#max) return Promise.reject(crowded(call, what(), this.#max));
    const waiting: Waiting<void> = waitFor<void>(this.#clock, call, what, () => this.#waiting.delete(waiting), phase);
    this.#waiting.add(waiting);
    return waiting.promise;
  }

  /** Wakes those that have waited longest, all of them unless told how many. */
  wake(count = Number.POSITIVE_INFINITY): void {
    let left = count;
    // A copy: those that are woken may wait again, behind the others.
    for (const waiting of count === 1 ? this.#waiting : [...this.#waiting]) {
      if (left-- <= 0) return;
      waiting.done();
    }
  }

  /** Fails all that wait. */
  close(error: () => RpcError): void {
    for (const waiting of [...this.#waiting]) waiting.fail(error());
  }
}

function crowded({ service, method }: Call, what: string, max: number): RpcError {
  const reason = `${max} calls of "${service}" wait already for ${what}`;
  return rpcError('RESOURCE_EXHAUSTED', reason, { service, method, progress: 'unsent', hasStack: false });
}
