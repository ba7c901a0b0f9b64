import type { Call } from '@org/rpc-core';
import type { Picker, PickerEnvironment, PickerFactory, PickerNode } from './picker.js';
import { ProbeFinder } from './probe-finder.js';
import { isPanic, RANK_BEST, rankNode } from './rank.js';

/** Pairs that are drawn in search of an open node. Source: Finagle's `maxEffort`: at half the nodes ill, 4 miss in 0.4 %. */
const ROUNDS = 4;

/** Up to this many nodes, a repeated attempt looks at all of them, so that it does not miss the one that is left. */
const SCAN_MAX = 8;

/**
 * The default balancing policy: of two nodes drawn at random, the healthier, and of two healthy ones the one with the lower
 * load, see {@link NodeLoad}. It keeps away from slow, failing and hanging nodes within a few calls, and its price does not
 * grow with the number of nodes.
 *
 * Nodes that warm up, and those of lower weight, are drawn as much less often. Weights are kept approximately.
 *
 * Sources: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001); Finagle `P2CPick.scala`.
 */
export function p2c(): PickerFactory {
  return {
    name: 'p2c',
    create: (nodes, environment) => new P2cPicker(nodes, environment),
  };
}

class P2cPicker<N extends PickerNode> implements Picker<N> {
  readonly #nodes: readonly N[];
  readonly #environment: PickerEnvironment;
  readonly #probes: ProbeFinder<N>;
  /** The largest weight; 0 when all weigh the same. */
  readonly #weightMax: number;

  constructor(nodes: readonly N[], environment: PickerEnvironment) {
    const weighted = nodes.filter((node) => node.endpoint.weight > 0);
    this.#nodes = weighted.length > 0 ? weighted : nodes;
    const weightMax = this.#nodes.reduce((max, node) => Math.max(max, node.endpoint.weight), 0);
    this.#weightMax = this.#nodes.every((node) => node.endpoint.weight === weightMax) ? 0 : weightMax;
    this.#environment = environment;
    this.#probes = new ProbeFinder(this.#nodes, environment);
  }

  pick(call: Call, now: number): N | undefined {
    const nodes = this.#nodes;
    if (this.#environment.probing.size > 0) {
      const probed = this.#probes.take(call, now);
      if (probed !== undefined) return probed;
    }
    if (nodes.length < 2) return nodes[0];
    if (nodes.length <= SCAN_MAX && call.root.attempts !== undefined) return this.#best(call, now);
    return this.#draw(call, now);
  }

  /** Draws pairs until one holds an open node that the call has not tried; else the best of what was drawn. */
  #draw(call: Call, now: number): N {
    const { random } = this.#environment;
    const nodes = this.#nodes;
    let best = nodes[0]!;
    let bestRank = -1;
    let panic = false;
    for (let round = 0; round < ROUNDS; round++) {
      const i = Math.floor(random() * nodes.length);
      let k = Math.floor(random() * (nodes.length - 1));
      if (k >= i) k++;
      const a = nodes[i]!;
      const b = nodes[k]!;
      let rankA = rankNode(call, a, now, panic);
      let rankB = rankNode(call, b, now, panic);
      if (!panic && (rankA < RANK_BEST || rankB < RANK_BEST) && isPanic(call, nodes.length, this.#environment)) {
        panic = true;
        rankA = rankNode(call, a, now, panic);
        rankB = rankNode(call, b, now, panic);
      }
      const passesA = this.#passes(a, now);
      const passesB = this.#passes(b, now);
      let takesA = rankA > rankB;
      if (rankA === rankB) takesA = passesA === passesB ? a.load.cost(now) <= b.load.cost(now) : passesB;
      const rank = takesA ? rankA : rankB;
      if (rank > bestRank) {
        best = takesA ? a : b;
        bestRank = rank;
      }
      if (rank === RANK_BEST && !(passesA && passesB)) return takesA ? a : b;
    }
    return best;
  }

  /** Whether a node that is to get less than its peers lets this draw pass. */
  #passes(node: N, now: number): boolean {
    let share = node.load.share(now);
    if (this.#weightMax > 0) share *= node.endpoint.weight / this.#weightMax;
    return share < 1 && this.#environment.random() >= share;
  }

  /** The best of all nodes: for few nodes, and for calls that have tried one. */
  #best(call: Call, now: number): N {
    const panic = isPanic(call, this.#nodes.length, this.#environment);
    let best = this.#nodes[0]!;
    let bestRank = -1;
    for (const node of this.#nodes) {
      const rank = rankNode(call, node, now, panic);
      if (rank < bestRank || (rank === bestRank && node.load.cost(now) >= best.load.cost(now))) continue;
      best = node;
      bestRank = rank;
    }
    return best;
  }
}
