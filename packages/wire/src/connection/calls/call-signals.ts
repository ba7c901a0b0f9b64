import type { Call } from '@org/rpc-core';
import { allowManyCalls, cancelledError, surface } from '@org/rpc-core/internal';

/**
 * By signal, what it ends. One for the process: a signal has one listener of this library at the most, however many calls, connections and
 * clients share it. A call that was put in is taken out when it ends, and a signal that ends nothing is not kept.
 */
const watched = new Map<AbortSignal, Watch>();

/** More calls that share a signal are not compared: those put in first were made first, mostly. */
const SEEN_MAX = 32;

const ONCE = Object.freeze({ once: true });

/** The calls in flight that one signal ends. Nearly always it is one call alone, or many that share it. */
class Watch {
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#abort();
  #first: Call | undefined;
  #others: Set<Call> | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, ONCE);
  }

  add(call: Call): void {
    if (this.#first === undefined && !this.#others?.size) this.#first = call;
    else {
      // Who shares it between calls may also wait with it, each wait with a listener of its own.
      if (this.#others === undefined) allowManyCalls(this.#signal);
      this.#others ??= new Set();
      this.#others.add(call);
    }
  }

  /** The one that was made first; looks at a few, for it may be asked often. */
  get eldest(): Call | undefined {
    let eldest = this.#first;
    let seen = 0;
    for (const call of this.#others ?? []) {
      if (eldest === undefined || call.root.createdAt < eldest.root.createdAt) eldest = call;
      if (++seen === SEEN_MAX) break;
    }
    return eldest;
  }

  remove(call: Call): void {
    if (this.#first === call) this.#first = undefined;
    else this.#others?.delete(call);
    if (this.#first !== undefined || this.#others?.size) return;
    watched.delete(this.#signal);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  #abort(): void {
    watched.delete(this.#signal);
    const calls = this.#first === undefined ? [] : [this.#first];
    if (this.#others !== undefined) calls.push(...this.#others);
    for (const call of calls) {
      try {
        call.holder?.abandon(call, cancelledError(call));
      } catch (error) {
        // The others end too, as they would with a listener each.
        surface(error);
      }
    }
  }
}

/** From now on the signal of a call ends it, if it has one that has not aborted yet: its holder abandons it. */
export function watchSignal(call: Call): void {
  const { signal } = call;
  if (signal === undefined) return;
  let watch = watched.get(signal);
  if (watch === undefined) {
    watch = new Watch(signal);
    watched.set(signal, watch);
  }
  watch.add(call);
}

/** Its signal ends a call no longer; harmless when it did not. */
export function unwatchSignal(call: Call): void {
  const { signal } = call;
  if (signal !== undefined) watched.get(signal)?.remove(call);
}

/** Of the calls in flight that a signal ends, the one that was made first; `undefined` for none. */
export function eldestWith(signal: AbortSignal): Call | undefined {
  return watched.get(signal)?.eldest;
}
