import type { Call } from '../service.js';

const SLOT_BITS = 16;
const SLOTS_MAX = 1 << SLOT_BITS;
const SLOT_MASK = SLOTS_MAX - 1;
const GENERATION_MAX = 0x7fff;

/**
 * The calls of one connection that await their answer. An id is the slot in a table and the generation of that slot: a lookup
 * is an array access, and an answer to an id that was given up never finds the call that took its place.
 */
export class InFlight {
  readonly #calls: (Call | undefined)[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  #count = 0;

  /** How many calls are in flight. */
  get size(): number {
    return this.#count;
  }

  /** Puts a call in and gives it its id, never 0. The caller bounds how many there are (at most 65,535). */
  add(call: Call): number {
    const slot = this.#free.length > 0 ? this.#free.pop()! : this.#calls.push(undefined) - 1;
    const generation = ((this.#generations[slot] ?? 0) % GENERATION_MAX) + 1;
    this.#generations[slot] = generation;
    this.#calls[slot] = call;
    this.#count++;
    call.id = (generation << SLOT_BITS) | slot;
    return call.id;
  }

  /** Takes out the call with this id, `undefined` when there is none (any more). */
  take(id: number): Call | undefined {
    const slot = id & SLOT_MASK;
    const call = this.#calls[slot];
    if (call === undefined || call.id !== id) return undefined;
    this.#calls[slot] = undefined;
    this.#free.push(slot);
    this.#count--;
    return call;
  }

  /** Takes out every call. */
  takeAll(): Call[] {
    const calls = this.#calls.filter((call) => call !== undefined);
    for (const call of calls) this.take(call.id);
    return calls;
  }

  /** When the longest waiting call was started, in the clock's milliseconds; `Infinity` when there is none. */
  oldestStartedAt(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const call of this.#calls) if (call !== undefined && call.startedAt < oldest) oldest = call.startedAt;
    return oldest;
  }
}
