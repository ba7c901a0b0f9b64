import type { Call } from '@org/rpc-core';
import type { Picker, PickerEnvironment, PickerNode } from './picker.js';
import { ProbeFinder } from './probe-finder.js';
import { isPanic, pickInPanic, RANK_BEST, rankNode } from './rank.js';

/** Nodes that one pick looks at in search of an open one. */
const STEPS = 8;

/**
 * A picker around a draw that knows nothing of health: in turn, or random. A due trial call goes first; nodes that are avoided or
 * were tried are drawn again, up to eight times; in panic the least loaded of a sample is taken.
 */
export class SearchingPicker<N extends PickerNode> implements Picker<N> {
  readonly #nodes: readonly N[];
  readonly #environment: PickerEnvironment;
  readonly #probes: ProbeFinder<N>;
  readonly #draw: () => number;

  /** @param draw - the number of the next node to look at; never called when there is none */
  constructor(nodes: readonly N[], environment: PickerEnvironment, draw: () => number) {
    this.#nodes = nodes;
    this.#environment = environment;
    this.#probes = new ProbeFinder(nodes, environment);
    this.#draw = draw;
  }

  pick(call: Call, now: number): N | undefined {
    const nodes = this.#nodes;
    if (nodes.length === 0) return undefined;
    if (this.#environment.probing.size > 0) {
      const probed = this.#probes.take(call, now);
      if (probed !== undefined) return probed;
    }
    if (isPanic(call, nodes.length, this.#environment)) return pickInPanic(call, nodes, now, this.#draw());
    let best: N | undefined;
    let bestRank = -1;
    let index = 0;
    for (let step = 0; step < STEPS; step++) {
      // A random draw may miss a few nodes for ever, so the second half of the draws goes from one node to the next.
      if (step < STEPS / 2) index = this.#draw();
      else index = index + 1 >= nodes.length ? 0 : index + 1;
      const node = nodes[index]!;
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
