import type { Call } from '@org/rpc-core';
import { NodeStatus, type PickerEnvironment, type PickerNode, wasTried } from './picker.js';

/**
 * How much a node is to be preferred for a call, before its load is looked at; {@link RANK_BEST} cannot be bettered.
 *
 * Working nodes come before others, and among each those that the call has not tried. A node that was just tried in vain is
 * still preferred to one that a breaker keeps away: the first failed once, the second most of the time.
 */
export function rankNode(call: Call, node: PickerNode, now: number, panic: boolean): number {
  let status = node.status(call, now);
  if (panic && (status === NodeStatus.AVOID || status === NodeStatus.PROBE)) status = NodeStatus.OPEN;
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
 * Whether so many nodes are avoided that the rest could not carry their load: then health is ignored and the load is spread
 * over all. Source: Envoy's panic threshold, 50 %.
 */
export function isPanic(call: Call, nodes: number, environment: PickerEnvironment): boolean {
  return environment.avoided(call) * 2 > nodes;
}
