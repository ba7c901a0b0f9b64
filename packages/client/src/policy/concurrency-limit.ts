import type { Call, Clock, ConcurrencyLimitOptions, Gate, RpcError } from '@org/rpc-core';
import { type Complete, rpcError, type Waiting, waitFor } from '@org/rpc-core/internal';
import type { CallLimit } from './admission.js';
import type { ConcurrencyState } from './policy-state.js';

/**
 * Lets at most `max` calls be in progress; `queue` more wait for one of them to end, at most until their deadline.
 *
 * A limit for {@link admission}, where calls are let in, and a gate of the call, where their permits come back: whatever
 * ends a call, its permit is free before its promise settles. Both places must be given the same instance.
 */
export class ConcurrencyLimit implements CallLimit, Gate {
  readonly #clock: Clock;
  readonly #what: string;
  #options: Complete<ConcurrencyLimitOptions>;
  /** The calls that hold a permit. A call may settle without one: when it was refused, or gave up waiting. */
  readonly #holders = new Set<Call>();
  readonly #queue = new Map<Waiting<void>, Call>();
  /** Who has set it where options have not, for errors: `, by version 3 of the rules of calculator`. */
  #setBy = '';

  /** @param what - what is limited, for errors: `calculator.sum` */
  constructor(what: string, options: Complete<ConcurrencyLimitOptions>, clock: Clock) {
    this.#what = what;
    this.#options = options;
    this.#clock = clock;
  }

  /** Calls under way. */
  get active(): number {
    return this.#holders.size;
  }

  /** Calls that wait for a permit. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** For people and tools. */
  state(): ConcurrencyState {
    const { max, queue } = this.#options;
    return { max, queue, active: this.#holders.size, waiting: this.#queue.size };
  }

  /** Changes the limit: a lower one is reached as calls end, none is stopped for it. */
  configure(options: Complete<ConcurrencyLimitOptions>, setBy = ''): void {
    this.#setBy = setBy;
    this.#options = options;
    this.#grant();
  }

  admit(call: Call): undefined | RpcError | Promise<void> {
    if (this.#holders.size < this.#options.max) {
      this.#holders.add(call);
      return undefined;
    }
    if (this.#queue.size >= this.#options.queue) return this.#refusal();
    return this.#wait(call);
  }

  settle(call: Call): void {
    if (this.#holders.delete(call)) this.#grant();
  }

  giveBack(call: Call): void {
    this.settle(call);
  }

  #wait(call: Call): Promise<void> {
    const describe = (): string =>
      `one of the ${this.#options.max} calls of ${this.#what} under way to end${this.#setBy && `, the limit${this.#setBy}`}`;
    if (call.signal?.aborted || call.deadline <= this.#clock.now()) {
      return waitFor<void>(this.#clock, call, describe).promise;
    }
    const waiting: Waiting<void> = waitFor<void>(this.#clock, call, describe, () => this.#queue.delete(waiting));
    this.#queue.set(waiting, call);
    return waiting.promise;
  }

  #grant(): void {
    for (const [waiting, call] of this.#queue) {
      if (this.#holders.size >= this.#options.max) return;
      this.#holders.add(call);
      waiting.done();
    }
  }

  #refusal(): RpcError {
    const { max, queue } = this.#options;
    const waiting = queue === 0 ? '' : ` and ${queue} wait`;
    const active = max === 1 ? `1 call of ${this.#what} is` : `${max} calls of ${this.#what} are`;
    const limit = this.#setBy === '' ? '' : `, the limit${this.#setBy}`;
    const reason = `${active} under way in this client${waiting}${limit}: slow down or raise the limit`;
    return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'unsent', hasStack: false });
  }
}
