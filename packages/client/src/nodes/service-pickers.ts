import type { PickerName } from '@org/rpc-core';
import { consistentHash } from '../picker/consistent-hash.js';
import { leastActive } from '../picker/least-active.js';
import { localFirst } from '../picker/local-first.js';
import { p2c } from '../picker/p2c.js';
import type { PickerFactory } from '../picker/picker.js';
import { random } from '../picker/random.js';
import { roundRobin, weightedRoundRobin } from '../picker/round-robin.js';
import type { ActiveRules } from '../policy/active-rules.js';

const BY_NAME: Readonly<Record<PickerName, () => PickerFactory>> = {
  p2c,
  leastActive,
  roundRobin,
  weightedRoundRobin,
  random,
  consistentHash,
  localFirst,
};

/**
 * Which pickers choose the nodes of a service: those that a rule names, else those that the client was given. What is known of nodes is
 * theirs, and stays when pickers change.
 */
export class ServicePickers {
  readonly #given: PickerFactory;
  #now: PickerFactory;

  /** @param given - for the service, or for the client as a whole */
  constructor(given: PickerFactory) {
    this.#given = given;
    this.#now = given;
  }

  get now(): PickerFactory {
    return this.#now;
  }

  /** From now on rules hold. @returns whether they name another picker than before */
  apply(rules: ActiveRules | undefined): boolean {
    const named = rules?.modes.balancer === 'on' ? rules.document.balancer?.picker : undefined;
    const isGiven = named === undefined || named === this.#given.name;
    if (this.#now.name === (isGiven ? this.#given.name : named)) return false;
    this.#now = isGiven ? this.#given : BY_NAME[named]();
    return true;
  }
}
