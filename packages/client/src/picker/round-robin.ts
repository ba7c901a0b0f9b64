import type { Call } from '@org/rpc-core';
import type { Picker, PickerEnvironment, PickerFactory, PickerNode } from './picker.js';
import { ProbeFinder } from './probe-finder.js';
import { isPanic, pickInPanic, RANK_BEST, rankNode } from './rank.js';

/** Nodes that one pick looks at in search of an open one. */
const STEPS = 8;

/**
 * One node after the other, each the same share; weights and load are not looked at. Nodes that are avoided or were tried are
 * passed over. For servers and calls that are all alike: a slow node gets as much as the others, which `p2c` spares it.
 */
export function roundRobin(): PickerFactory {
  return {
    name: 'roundRobin',
    create: (nodes, environment) => new RoundRobinPicker(nodes, environment),
  };
}

class RoundRobinPicker<N extends PickerNode> implements Picker<N> {
  readonly #nodes: readonly N[];
  readonly #environment: PickerEnvironment;
  readonly #probes: ProbeFinder<N>;
  #cursor: number;

  constructor(nodes: readonly N[], environment: PickerEnvironment) {
    this.#nodes = nodes;
    this.#environment = environment;
    this.#probes = new ProbeFinder(nodes, environment);
    // Clients that start together do not all begin with the same node.
    this.#cursor = Math.floor(environment.random() * nodes.length);
  }

  pick(call: Call, now: number): N | undefined {
    const nodes = this.#nodes;
    if (nodes.length === 0) return undefined;
    if (this.#environment.probing.size > 0) {
      const probed = this.#probes.take(call, now);
      if (probed !== undefined) return probed;
    }
    if (isPanic(call, nodes.length, this.#environment)) {
      this.#cursor = this.#cursor + 1 === nodes.length ? 0 : this.#cursor + 1;
      return pickInPanic(call, nodes, now, this.#cursor);
    }
    let best: N | undefined;
    let bestRank = -1;
    for (let step = Math.min(STEPS, nodes.length); step > 0; step--) {
      const node = nodes[this.#cursor]!;
      this.#cursor = this.#cursor + 1 === nodes.length ? 0 : this.#cursor + 1;
      const rank = rankNode(call, node, now);
      if (rank === RANK_BEST) return node;
      if (rank > bestRank) {
        best = node;
        bestRank = rank;
      }
    }
    return best;
  }
}
