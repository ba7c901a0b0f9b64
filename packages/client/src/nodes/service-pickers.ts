import type { PickerName } from '@org/rpc-core';
import { comparedPickers, type TellDifference } from '../picker/compared-picker.js';
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

/** Is told of a call of a method that would go elsewhere. */
type TellDark = (method: string, effect: string) => void;

/**
 * Which pickers choose the nodes of a service: those that a rule names, else those that the client was given. What is known of nodes is
 * theirs, and stays when pickers change.
 */
export class ServicePickers {
  readonly #given: PickerFactory;
  readonly #tellDark: TellDark | undefined;
  #now: PickerFactory;
  /** The pickers in force and, with a space before it, the one that a dark rule names. */
  #names: string;

  /**
   * @param given - for the service, or for the client as a whole
   * @param tellDark - told of calls that would go elsewhere by a dark rule; left out: such a rule is not looked at
   */
  constructor(given: PickerFactory, tellDark?: TellDark) {
    this.#given = given;
    this.#tellDark = tellDark;
    this.#now = given;
    this.#names = given.name;
  }

  get now(): PickerFactory {
    return this.#now;
  }

  /** From now on rules hold. @returns whether they name another picker than before */
  apply(rules: ActiveRules | undefined): boolean {
    const mode = rules?.modes.balancer;
    const said = rules?.document.balancer?.picker;
    const given = this.#given;
    const named = mode === 'on' && said !== given.name ? said : undefined;
    const wanted = mode === 'dark' && said !== given.name && this.#tellDark !== undefined ? said : undefined;
    const names = wanted === undefined ? (named ?? given.name) : `${given.name} ${wanted}`;
    if (names === this.#names) return false;
    this.#names = names;
    this.#now = named === undefined ? given : BY_NAME[named]();
    if (wanted !== undefined) this.#now = comparedPickers(given, BY_NAME[wanted](), this.#tells);
    return true;
  }

  readonly #tells: TellDifference = ({ method }, { address }, share) =>
    this.#tellDark!(
      method,
      `${address} would have been chosen: of ${Math.round(share * 100)} % of the calls so far another instance`,
    );
}
