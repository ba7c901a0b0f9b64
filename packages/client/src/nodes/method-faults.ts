import type { MethodRef } from '@org/rpc-core';
import type { MethodCharge, MethodCharges } from '../picker/load.js';
import type { Failing } from './failing.js';
import { methodKey } from './method-key.js';

/** How long a method that works again is remembered: its next failure is its own, not the node's. In milliseconds. */
const REMEMBERED_MS = 60_000;

/** A method that fails and was not called for this long, in milliseconds, is forgotten: its trial call would have been due. */
const UNCALLED_MS = 600_000;

/** How often is looked for what can be forgotten, in milliseconds. */
const LOOK_MS = 10_000;

/** How many methods of one node are known to fail on their own; beyond, the one that was found first is forgotten. */
const FAULTS_MAX = 1_000;

/** A method that fails, or has failed of late, at a node that works. */
export interface MethodFault extends MethodCharge {
  /** Its name without that of its service. */
  readonly method: string;
  /** Its failures since its last success; `undefined` while it works. */
  failing: Failing | undefined;
}

/**
 * The methods of one node that fail, or failed of late, while others of it were answered: what they do is charged to them alone, so that the
 * node keeps its share of all other calls. A node of which that is not known is charged as a whole.
 */
export class MethodFaults implements MethodCharges {
  readonly #faults = new Map<string, MethodFault>();
  #failing = 0;
  #lookAt = 0;

  /** How many are known. */
  get size(): number {
    return this.#faults.size;
  }

  /** Whether one of them fails now. */
  get isFailing(): boolean {
    return this.#failing > 0;
  }

  /** Those that fail now. */
  *failing(): Iterable<{ readonly method: string; readonly failing: Failing }> {
    for (const { method, failing } of this.#faults.values()) if (failing !== undefined) yield { method, failing };
  }

  find(ref: MethodRef): MethodFault | undefined {
    return this.#faults.get(methodKey(ref));
  }

  /**
   * A method fails alone.
   * @param key - its {@link methodKey}
   * @param ms - what its calls cost at the node until they are answered, in milliseconds
   */
  add(key: string, failing: Failing, ms: number, now: number): void {
    this.#remove(key);
    if (this.#faults.size >= FAULTS_MAX) this.#remove(this.#faults.keys().next().value!);
    this.#faults.set(key, { method: key.slice(key.indexOf(' ') + 1), failing, ms, at: now });
    this.#failing++;
  }

  /** It fails once more, or again. */
  fail(fault: MethodFault, ref: MethodRef, now: number, begin: () => Failing): void {
    if (fault.failing === undefined) {
      fault.failing = begin();
      this.#failing++;
    }
    fault.failing.add(ref, now);
  }

  /** It works again. */
  recover(fault: MethodFault, now: number): void {
    if (fault.failing === undefined) return;
    fault.failing = undefined;
    fault.ms = 0;
    fault.at = now;
    this.#failing--;
  }

  /** Forgets what says nothing any more, now and then. */
  prune(now: number): void {
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    for (const [key, { failing, at }] of this.#faults) {
      if (now - (failing?.at ?? at) > (failing === undefined ? REMEMBERED_MS : UNCALLED_MS)) this.#remove(key);
    }
  }

  /** The node has its connection again: trial calls are due. */
  expedite(now: number): void {
    for (const { failing } of this.#faults.values()) failing?.expedite(now);
  }

  #remove(key: string): void {
    if (this.#faults.get(key)?.failing !== undefined) this.#failing--;
    this.#faults.delete(key);
  }
}
