import type { Call } from '@org/rpc-core';

/** The message ids that a MessagePack-RPC client has in use: those of calls that wait, and of calls given up and still unanswered. */
export class RpcIds {
  readonly #calls = new Map<number, Call | undefined>();
  readonly #max: number;
  #last = 0;
  #abandoned = 0;

  /** @param max - the highest id; the caller keeps fewer ids than that in use. 0 is never used: servers report protocol errors with it */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many ids are in use. */
  get size(): number {
    return this.#calls.size;
  }

  /** How many ids belong to calls that still wait. */
  get live(): number {
    return this.#calls.size - this.#abandoned;
  }

  has(id: number): boolean {
    return this.#calls.has(id);
  }

  /** Gives a call the next id that is not in use. */
  add(call: Call): number {
    let id = this.#last;
    do id = id >= this.#max ? 1 : id + 1;
    while (this.#calls.has(id));
    this.#last = id;
    this.#calls.set(id, call);
    call.id = id;
    return id;
  }

  /** Nobody waits for this answer any more; the id stays in use. */
  abandon(id: number): void {
    if (this.#calls.get(id) === undefined) return;
    this.#calls.set(id, undefined);
    this.#abandoned++;
  }

  /** Frees an id. Returns its call, `undefined` when nobody waits. */
  take(id: number): Call | undefined {
    const call = this.#calls.get(id);
    if (call === undefined && this.#calls.has(id)) this.#abandoned--;
    this.#calls.delete(id);
    return call;
  }

  /** Frees every id. Returns the calls that still wait. */
  takeAll(): Call[] {
    const calls = [...this.#calls.values()].filter((call) => call !== undefined);
    this.#calls.clear();
    this.#abandoned = 0;
    return calls;
  }
}
