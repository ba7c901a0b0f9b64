import type { Call } from '@org/rpc-core';
import { NodeStatus, type PickerEnvironment, type PickerNode, wasTried } from './picker.js';
import { isPanic } from './rank.js';

/** How many nodes are asked for a due probe in one pick, so that the price of a pick stays bounded however many nodes are ill. */
const LOOKS = 4;

/** Finds the node that waits for a trial call, for a picker to hand it out before it chooses by its own rule. */
export class ProbeFinder<N extends PickerNode> {
  readonly #nodes: readonly N[];
  readonly #environment: PickerEnvironment;
  #members: ReadonlySet<PickerNode> | undefined;
  /** Where the last look ended. It goes on from there, so that nodes without a due probe do not hide the others. */
  #cursor: Iterator<PickerNode> | undefined;

  constructor(nodes: readonly N[], environment: PickerEnvironment) {
    this.#nodes = nodes;
    this.#environment = environment;
  }

  /** A node whose probe slot this call now has, `undefined` when none was due among those looked at. */
  take(call: Call, now: number): N | undefined {
    const environment = this.#environment;
    const { probing } = environment;
    if (call.attempt === 0) environment.earnTrial();
    if (!environment.mayTry) return undefined;
    const looks = Math.min(LOOKS, probing.size);
    for (let look = 0; look < looks; look++) {
      const node = this.#next(probing);
      if (node === undefined) return undefined;
      if (node.status(call, now) !== NodeStatus.PROBE || wasTried(call, node)) continue;
      if (!this.#has(node) || !node.takeProbe(call, now)) continue;
      environment.spendTrial();
      // The repeat of a trial is free while other nodes are well. When most fail, it would only add load.
      call.isTrial = !isPanic(call, this.#nodes.length, environment);
      return node as N;
    }
    return undefined;
  }

  #next(probing: ReadonlySet<PickerNode>): PickerNode | undefined {
    const next = this.#cursor?.next();
    if (next !== undefined && next.done !== true) return next.value;
    // A set's iterator that has ended sees nothing that is added later.
    this.#cursor = probing.values();
    const first = this.#cursor.next();
    return first.done === true ? undefined : first.value;
  }

  #has(node: PickerNode): boolean {
    this.#members ??= new Set(this.#nodes);
    return this.#members.has(node);
  }
}
