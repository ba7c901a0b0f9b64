import type { Call, SubsetOptions } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { Gone, Snapshot } from '@org/rpc-registry';
import { chooseSubset, SUBSET_ALL } from './subset.js';

/** No id is in it. */
const NONE: ReadonlySet<string> = new Set();

/** What the client was told of the part that it uses, all levels and rules in one. */
type Wanted = Readonly<SubsetOptions>;

/**
 * The part of the instances of a service that a client uses: what the registry lists is narrowed to it. What leaves the part, because another one
 * fits better or another part is wanted, counts as having left: calls in flight there are finished.
 */
export class ServicePart {
  /** The name of the client, by which parts are drawn. */
  readonly #name: string;
  #wanted: Wanted;
  #dark: Wanted | undefined;
  /** What the registry has listed last. */
  #whole: Snapshot | undefined;
  #used = NONE;
  /** What a dark rule would use; `undefined` where there is none. */
  #wouldUse: ReadonlySet<string> | undefined;

  constructor(name: string, wanted: Wanted) {
    this.#name = name;
    this.#wanted = wanted;
  }

  /** Whether it may be less than all of the instances. */
  get isPart(): boolean {
    const { size = SUBSET_ALL } = this.#wanted;
    return size < SUBSET_ALL;
  }

  /**
   * For what is meant for all instances.
   * @throws RpcError FAILED_PRECONDITION where it may be less than all
   */
  assertWhole(where: string, { service, method }: Call): void {
    if (!this.isPart) return;
    const reason = `${where}: this client uses a part of the instances of "${service}" (subset); make another one with subset: false, or see the rules of the service`;
    throw rpcError('FAILED_PRECONDITION', reason, { service, method, progress: 'unsent' });
  }

  /** The list with this part of its instances alone. */
  narrow(whole: Snapshot): Snapshot {
    this.#whole = whole;
    if (this.#dark !== undefined) this.#judge(this.#dark, whole);
    const endpoints = chooseSubset(whole.endpoints, this.#wanted, this.#name);
    const before = this.#used;
    this.#used = this.isPart ? new Set(endpoints.map(({ id }) => id)) : NONE;
    if (endpoints === whole.endpoints) return whole;
    const left: Gone[] = [];
    for (const { id } of whole.endpoints)
      if (before.has(id) && !this.#used.has(id)) left.push(Object.freeze({ id, reason: 'left' }));
    const gone = Object.freeze([...whole.gone, ...left]);
    const unused = whole.endpoints.length - endpoints.length;
    return Object.freeze({ ...whole, endpoints: Object.freeze(endpoints), gone, unused });
  }

  /**
   * From now on another part may be wanted.
   * @param dark - what a dark rule wants; `undefined`: there is none
   * @returns the list that is to be {@link narrow}ed anew; `undefined` when nothing has changed, or nothing is listed yet
   */
  use(wanted: Wanted, dark: Wanted | undefined): Snapshot | undefined {
    const whole = this.#whole;
    this.#dark = dark;
    this.#wouldUse = undefined;
    if (dark !== undefined && whole !== undefined) this.#judge(dark, whole);
    if (isSame(wanted, this.#wanted)) return undefined;
    // Where all were used, nobody has kept a list of them.
    if (!this.isPart && whole !== undefined) this.#used = new Set(whole.endpoints.map(({ id }) => id));
    this.#wanted = wanted;
    return whole;
  }

  /** Whether there is a dark rule. */
  get isJudged(): boolean {
    return this.#dark !== undefined;
  }

  /** Whether a dark rule would leave this instance to others. */
  wouldLeave(id: string): boolean {
    return this.#wouldUse?.has(id) === false;
  }

  #judge(dark: Wanted, whole: Snapshot): void {
    this.#wouldUse = new Set(chooseSubset(whole.endpoints, dark, this.#name).map(({ id }) => id));
  }
}

function isSame(a: Wanted, b: Wanted): boolean {
  return a.size === b.size && a.index === b.index && a.of === b.of;
}
