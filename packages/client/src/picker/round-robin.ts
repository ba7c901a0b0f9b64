import type { PickerFactory } from './picker.js';
import { SearchingPicker } from './searching-picker.js';
import { Stride, weighted, weightsOf } from './weights.js';

/**
 * One node after the other, each as often as its weight says, in exact shares; load is ignored. Nodes that are avoided or were
 * tried are passed over. It is for servers and calls that are all alike: unlike with `p2c`, a slow node gets as many calls as the
 * others.
 *
 * Source: static stride scheduling, gRPC A58.
 */
export function roundRobin(): PickerFactory {
  return named('roundRobin');
}

/** {@link roundRobin} under the name that other systems use; both count weights. */
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
