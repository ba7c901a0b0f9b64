import type { Call } from '@org/rpc-core';
import { NodeStatus, type PickerEnvironment, type PickerNode, wasTried } from './picker.js';

/**
 * How much a node is to be preferred for a call, before its load is looked at; {@link RANK_BEST} cannot be bettered.
 *
 * Working nodes come before others, and among each those that the call has not tried. A node that was just tried in vain is
 * still preferred to one that a breaker keeps away: the first failed once, the second most of the time.
 */
export function rankNode(call: Call, node: PickerNode, now: number): number {
  const status = node.status(call, now);
  const tried = wasTried(call, node);
  switch (status) {
    case NodeStatus.DOWN:
      return 0;
    case NodeStatus.AVOID:
    case NodeStatus.PROBE:
      return tried ? 1 : 2;
    case NodeStatus.SUSPECT:
      return tried ? 3 : 4;
    default:
      return tried ? 3 : RANK_BEST;
  }
}

/** The rank of an open node that the call has not tried. */
export const RANK_BEST = 5;

/**
 * Whether so many nodes are avoided that the rest might not carry the load: then all nodes are considered and load decides in
 * place of health, see {@link pickInPanic}. Source: Envoy's panic threshold, 50 %.
 */
export function isPanic(call: Call, nodes: number, environment: PickerEnvironment): boolean {
  return environment.avoided(call) * 2 > nodes;
}

/** Nodes that are looked at in panic. */
const PANIC_SAMPLE = 16;

/**
 * The node of the lowest load of up to sixteen from `start` on, of those that the call has not tried. A failure raises the load,
 * so healthy nodes are taken unless they are slower than the penalty of the failing ones.
 */
export function pickInPanic<N extends PickerNode>(call: Call, nodes: readonly N[], now: number, start: number): N {
  let index = start;
  let best = nodes[index]!;
  let bestRank = -1;
  let bestCost = 0;
  for (let left = Math.min(PANIC_SAMPLE, nodes.length); left > 0; left--) {
    const node = nodes[index]!;
    index = index + 1 === nodes.length ? 0 : index + 1;
    const rank = node.status(call, now) === NodeStatus.DOWN ? 0 : wasTried(call, node) ? 1 : 2;
    if (rank < bestRank) continue;
    const cost = node.load.cost(now, call);
    if (rank === bestRank && cost >= bestCost) continue;
    best = node;
    bestRank = rank;
    bestCost = cost;
  }
  return best;
}
