import type { Call, MethodRef } from '@org/rpc-core';
import type { PickerNode } from '../picker/picker.js';
import { isDenialCode, type OutcomeKind } from '../policy/outcome.js';
import { methodKey } from './method-key.js';

/** How long an answer is remembered, in milliseconds: after this time it weighs 1/e. */
const MEMORY_MS = 30_000;

/** A method of which nothing was denied for this long, in milliseconds, is forgotten. */
const CLEAN_MS = 60_000;

/** Nodes times methods of which answers are counted; beyond, the method that was denied first is forgotten. */
const TALLIES_MAX = 50_000;

/** The least denials, and the least answers of peers, to judge by: a little less than 3, since counts age. */
const COUNT_MIN = 2.9;

/** A node whose share of denials is higher by less than this counts as equal to its peers. */
const DIFFERENCE_MIN = 0.1;

/** The least evidence that it is not chance, see {@link Period}. It is high because each denial is tested anew. */
const EVIDENCE_MIN = 10;

/** The same for denials in a row; higher, because each row is another chance to be wrong. */
const ROW_EVIDENCE_MIN = 13;

/** Repeats of denied calls after which it counts how many of them were answered, and the least share that must be. */
const REPEATS_MIN = 7.5;
const REPEATS_ANSWERED_MIN = 0.1;

/** Two counts that decay alike. */
class Tally {
  denied = 0;
  answered = 0;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  add(isDenied: boolean): void {
    if (isDenied) this.denied++;
    else this.answered++;
  }

  /** @returns the factor by which the older counts now weigh less */
  age(now: number): number {
    const weight = Math.exp((this.#at - now) / MEMORY_MS);
    this.denied *= weight;
    this.answered *= weight;
    this.#at = now;
    return weight;
  }
}

/**
 * What a node has denied and answered since some moment, and the totals before it, so that its peers are compared over the same
 * time.
 */
class Period {
  readonly own: Tally;
  #deniedBefore: number;
  #answeredBefore: number;

  constructor(all: Tally, now: number) {
    this.own = new Tally(now);
    this.#deniedBefore = all.denied;
    this.#answeredBefore = all.answered;
  }

  age(now: number): void {
    const weight = this.own.age(now);
    this.#deniedBefore *= weight;
    this.#answeredBefore *= weight;
  }

  /** The evidence that the node denies more than its peers; 0 when it does not. Both tallies must have the same age. */
  evidence(all: Tally): number {
    const { denied, answered } = this.own;
    const peersDenied = Math.max(0, all.denied - this.#deniedBefore - denied);
    const peersAnswered = all.answered - this.#answeredBefore - answered;
    if (denied < COUNT_MIN || peersAnswered < COUNT_MIN) return 0;
    if (denied / (denied + answered) < peersDenied / (peersDenied + peersAnswered) + DIFFERENCE_MIN) return 0;
    return (
      likelihood(denied, answered) +
      likelihood(peersDenied, peersAnswered) -
      likelihood(denied + peersDenied, answered + peersAnswered)
    );
  }
}

/** The answers of a node to one method. */
interface NodeAnswers {
  readonly whole: Period;
  /** Since its last answer that was no denial; `undefined` when that was the last one. */
  inRow: Period | undefined;
}

/** The outcomes of the calls of one method since the first denial. */
interface MethodTallies {
  readonly nodes: Map<PickerNode, NodeAnswers>;
  /** Of all these nodes. */
  readonly all: Tally;
  /** Of the calls that were denied and then given to another node. */
  readonly repeats: Tally;
  deniedAt: number;
}

/**
 * Finds the node that denies calls that its peers answer: it lacks a method, since its deploy is half done, or has a wrong key. It
 * answers fastest, so without this most calls would go there. Where all nodes deny alike it is the caller who is wrong, and none of
 * them is avoided.
 *
 * While nothing is denied it costs nothing.
 */
export class Denials {
  readonly #methods = new Map<string, MethodTallies>();
  #tallies = 0;

  /** Whether something was denied recently: then every outcome must be {@link record}ed. */
  get isActive(): boolean {
    return this.#methods.size > 0;
  }

  /** Nodes times methods of which answers are counted. */
  get size(): number {
    return this.#tallies;
  }

  /**
   * Counts how a call has ended.
   * @returns whether the node denies what its peers answer: it is to be avoided for this method
   */
  record(peer: PickerNode, call: Call, kind: OutcomeKind, now: number): boolean {
    const isDenied = kind === 'denied';
    if (!isDenied && kind !== 'ok' && kind !== 'business') return false;
    const key = methodKey(call.methodRef);
    const method = this.#methods.get(key) ?? (isDenied ? this.#add(key, now) : undefined);
    if (method === undefined) return false;
    if (isDenied) method.deniedAt = now;
    else if (now - method.deniedAt > CLEAN_MS) {
      this.#forgetMethod(key);
      return false;
    }
    method.all.age(now);
    if (wasDeniedBefore(call)) {
      method.repeats.age(now);
      method.repeats.add(isDenied);
    }
    const node = this.#answers(method, peer, now);
    if (isDenied) node.inRow ??= new Period(method.all, now);
    else node.inRow = undefined;
    node.whole.age(now);
    node.whole.own.add(isDenied);
    method.all.add(isDenied);
    if (!isDenied) return false;
    const { inRow, whole } = node;
    inRow!.age(now);
    inRow!.own.add(true);
    return inRow!.evidence(method.all) >= ROW_EVIDENCE_MIN || whole.evidence(method.all) >= EVIDENCE_MIN;
  }

  /** Whether an avoided node still differs from the others by its last denial: they may deny as well by now. */
  isAlone(ref: MethodRef, now: number): boolean {
    const all = this.#methods.get(methodKey(ref))?.all;
    all?.age(now);
    return all === undefined || all.denied <= all.answered;
  }

  /** Leaves the answers of an avoided node out of what its peers are compared with. */
  exclude(node: PickerNode, ref: MethodRef, now: number): void {
    const method = this.#methods.get(methodKey(ref));
    const whole = method?.nodes.get(node)?.whole;
    if (method === undefined || whole === undefined) return;
    const { all } = method;
    all.age(now);
    whole.age(now);
    all.denied = Math.max(0, all.denied - whole.own.denied);
    all.answered = Math.max(0, all.answered - whole.own.answered);
    method.nodes.delete(node);
    this.#tallies--;
  }

  /** Whether it is worth giving a denied call to another node: some of the calls before it were answered there. */
  mayBeAnswered({ methodRef }: Call, now: number): boolean {
    const repeats = this.#methods.get(methodKey(methodRef))?.repeats;
    if (repeats === undefined) return true;
    repeats.age(now);
    const { denied, answered } = repeats;
    return denied + answered < REPEATS_MIN || answered >= REPEATS_ANSWERED_MIN * (denied + answered);
  }

  /** The node is gone. */
  forget(node: PickerNode): void {
    for (const { nodes } of this.#methods.values()) if (nodes.delete(node)) this.#tallies--;
  }

  #add(key: string, now: number): MethodTallies {
    const method = {
      nodes: new Map<PickerNode, NodeAnswers>(),
      all: new Tally(now),
      repeats: new Tally(now),
      deniedAt: now,
    };
    this.#methods.set(key, method);
    return method;
  }

  #answers(method: MethodTallies, node: PickerNode, now: number): NodeAnswers {
    let answers = method.nodes.get(node);
    if (answers === undefined) {
      answers = { whole: new Period(method.all, now), inRow: undefined };
      method.nodes.set(node, answers);
      this.#tallies++;
      if (this.#tallies > TALLIES_MAX) this.#forgetMethod(this.#methods.keys().next().value!);
    }
    return answers;
  }

  #forgetMethod(key: string): void {
    this.#tallies -= this.#methods.get(key)!.nodes.size;
    this.#methods.delete(key);
  }
}

/**
 * Half of the likelihood ratio test for two shares is the sum of these: how likely counts are under the share that they show, as a
 * natural logarithm. Sources: S. Wilks (1938); T. Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence" (1993).
 */
function likelihood(a: number, b: number): number {
  return a <= 0 || b <= 0 ? 0 : a * Math.log(a / (a + b)) + b * Math.log(b / (a + b));
}

/** Whether this is a repeat of an attempt that was denied. */
function wasDeniedBefore({ parent }: Call): boolean {
  const last = parent?.attempts?.at(-1);
  return last !== undefined && isDenialCode(last.code);
}
