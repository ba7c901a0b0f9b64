import type { PickerFactory } from './picker.js';
import { SearchingPicker } from './searching-picker.js';
import { Stride, weighted, weightsOf } from './weights.js';

/**
 * One node after the other, each as often as it weighs, in exact shares; their load is not looked at. Nodes that are avoided or were
 * tried are passed over. For servers and calls that are all alike: a slow node gets as much as the others, which `p2c` spares it.
 *
 * Source: static stride scheduling, gRPC A58.
 */
export function roundRobin(): PickerFactory {
  return named('roundRobin');
}

/** {@link roundRobin} by the name that other systems have for it: weights count in both. */
export function weightedRoundRobin(): PickerFactory {
  return named('weightedRoundRobin');
}

function named(name: string): PickerFactory {
  return {
    name,
    create(nodes, environment) {
      const heavy = weighted(nodes);
      // Clients that start together do not all begin with the same node.
      const stride = new Stride(weightsOf(heavy), environment.random());
      return new SearchingPicker(heavy, environment, () => stride.next());
    },
  };
}
