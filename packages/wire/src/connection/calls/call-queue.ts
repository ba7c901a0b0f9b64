import type { Call } from '@org/rpc-core';

/**
 * Calls that wait to be sent, in the order in which they came: on one connection, or on the first free one of several connections
 * to the same server, so that no call waits for a busy connection while another one is idle.
 */
export class CallQueue {
  readonly #calls = new Set<Call>();
  #connections = 0;

  get size(): number {
    return this.#calls.size;
  }

  /** A connection takes calls from here. */
  join(): void {
    this.#connections++;
  }

  /**
   * A connection is over.
   * @returns the calls that wait, when it was the last one: none will take them
   */
  leave(): Call[] {
    if (--this.#connections > 0) return [];
    const calls = [...this.#calls];
    this.#calls.clear();
    return calls;
  }

  add(call: Call): void {
    this.#calls.add(call);
  }

  has(call: Call): boolean {
    return this.#calls.has(call);
  }

  /** Returns whether it waited. */
  delete(call: Call): boolean {
    return this.#calls.delete(call);
  }

  /** In the order in which they came. */
  [Symbol.iterator](): Iterator<Call> {
    return this.#calls.values();
  }
}
