import type { Call } from '@org/rpc-core';
import { CLIENT_ID_MAX } from '../../frames/frame.js';

const SLOTS_MIN = 64;

/**
 * The calls of one connection that await their answer. Ids count up; the low bits of an id are its slot in a table of at least
 * twice as many slots as calls, so that a lookup is an array access.
 *
 * An id is used again only after two thousand million calls. A server may run a handler for much longer than the call was awaited
 * here: an id that was used again sooner would be refused as being in flight, or get the old answer.
 */
export class InFlight {
  #slots: (Call | undefined)[] = new Array<Call | undefined>(SLOTS_MIN).fill(undefined);
  #count = 0;
  #lastId: number;

  /** @param lastId - the id before the first one, default 0 */
  constructor(lastId = 0) {
    this.#lastId = lastId;
  }

  /** How many calls are in flight. */
  get size(): number {
    return this.#count;
  }

  /** Puts a call in and gives it its id, never 0. The caller bounds how many there are. */
  add(call: Call): number {
    if (2 * this.#count >= this.#slots.length) this.#grow();
    const slots = this.#slots;
    const mask = slots.length - 1;
    let id = this.#lastId;
    do id = id === CLIENT_ID_MAX ? 1 : id + 1;
    while (slots[id & mask] !== undefined);
    this.#lastId = id;
    slots[id & mask] = call;
    this.#count++;
    call.id = id;
    return id;
  }

  /** Whether the call with this id is in. */
  has(id: number): boolean {
    return this.#slots[id & (this.#slots.length - 1)]?.id === id;
  }

  /** The call with this id, `undefined` when there is none (any more). */
  get(id: number): Call | undefined {
    const call = this.#slots[id & (this.#slots.length - 1)];
    return call?.id === id ? call : undefined;
  }

  /** Takes out the call with this id, `undefined` when there is none (any more). */
  take(id: number): Call | undefined {
    const slot = id & (this.#slots.length - 1);
    const call = this.#slots[slot];
    if (call === undefined || call.id !== id) return undefined;
    this.#slots[slot] = undefined;
    this.#count--;
    return call;
  }

  /** Every call. */
  values(): Call[] {
    return this.#slots.filter((call) => call !== undefined);
  }

  /** Takes out every call. */
  takeAll(): Call[] {
    const calls = this.values();
    for (const call of calls) this.take(call.id);
    return calls;
  }

  /** Ids that differ in their low bits also differ when one more bit counts. */
  #grow(): void {
    const larger = new Array<Call | undefined>(2 * this.#slots.length).fill(undefined);
    for (const call of this.#slots) if (call !== undefined) larger[call.id & (larger.length - 1)] = call;
    this.#slots = larger;
  }
}
