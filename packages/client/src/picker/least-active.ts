import type { Call } from '@org/rpc-core';
import type { Picker, PickerEnvironment, PickerFactory, PickerNode } from './picker.js';
import { ProbeFinder } from './probe-finder.js';
import { isPanic, pickInPanic, rankNode } from './rank.js';
import { weighted } from './weights.js';

/** Nodes that one pick compares. */
const SAMPLE = 16;

/**
 * The node with the fewest calls of this client in flight for its weight, of up to sixteen nodes, or of sixteen from a random one
 * on. Equal nodes take turns. Latency counts only through the calls in flight; `p2c` looks at both.
 *
 * Source: Dubbo's and Motan's least active; health goes first here; otherwise a node that fails fast would have nothing in flight
 * and get every call.
 */
export function leastActive(): PickerFactory {
  return {
    name: 'leastActive',
    create: (nodes, environment) => new LeastActivePicker(nodes, environment),
  };
}

class LeastActivePicker<N extends PickerNode> implements Picker<N> {
  readonly #nodes: readonly N[];
  readonly #environment: PickerEnvironment;
  readonly #probes: ProbeFinder<N>;

  constructor(nodes: readonly N[], environment: PickerEnvironment) {
    this.#nodes = weighted(nodes);
    this.#environment = environment;
    this.#probes = new ProbeFinder(this.#nodes, environment);
  }

  pick(call: Call, now: number): N | undefined {
    const nodes = this.#nodes;
    if (nodes.length === 0) return undefined;
    const environment = this.#environment;
    if (environment.probing.size > 0) {
      const probed = this.#probes.take(call, now);
      if (probed !== undefined) return probed;
    }
    let index = Math.floor(environment.random() * nodes.length);
    if (isPanic(call, nodes.length, environment)) return pickInPanic(call, nodes, now, index);
    let best = nodes[index]!;
    let bestRank = -1;
    let bestActive = 0;
    for (let left = Math.min(SAMPLE, nodes.length); left > 0; left--) {
      const node = nodes[index]!;
      index = index + 1 === nodes.length ? 0 : index + 1;
      const rank = rankNode(call, node, now);
      if (rank < bestRank) continue;
      // The call itself is counted, so that of two idle nodes the heavier goes first. A node that warms up has less capacity.
      const active = (node.load.inFlight + 1) / ((node.endpoint.weight || 1) * node.load.share(now));
      if (rank === bestRank && active >= bestActive) continue;
      best = node;
      bestRank = rank;
      bestActive = active;
    }
    return best;
  }
}
