import type { RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { MethodEntry } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';

/** How many calls may run at once. */
export interface ServerConcurrency {
  /** Calls of all connections together; at least 1. */
  readonly max: number;
}

/** Lets so many calls in at a time; who comes beyond that is refused, never started. */
export class ConcurrencyLimit<Entry extends MethodEntry> implements Admission<Entry> {
  readonly #max: number;
  #running = 0;

  /** @param max - `Infinity` for no bound */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many are in. */
  get running(): number {
    return this.#running;
  }

  enter(): RpcError | undefined {
    if (this.#running >= this.#max) {
      const reason = `the server runs ${this.#max} calls already (concurrency.max)`;
      return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'refused' });
    }
    this.#running++;
    return undefined;
  }

  leave(): void {
    this.#running--;
  }
}
