import { hash } from '../policy/hash.js';
import type { PickerNode } from './picker.js';

/** Which node has which key: a number of 32 bits to the number of a node. */
export interface HashTable {
  nodeOf(key: number): number;
}

/** A prime, a hundred times as much as 650 nodes: their shares differ by less than a percent. */
const PLACES = 65_537;

/**
 * A table of 65,537 places that the nodes fill in turn, each in an order of its own and as often as it weighs. Shares differ by less than
 * a percent; when a node goes, its keys and half a percent of the others move. Looked up at once.
 *
 * Source: D. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer" (2016), 3.4.
 */
export function maglev(nodes: readonly PickerNode[], weights: readonly number[]): HashTable {
  const places = new Int32Array(PLACES).fill(-1);
  const names = namesOf(nodes);
  const offsets = Float64Array.from(names, (name) => hash(name, 1) % PLACES);
  const skips = Float64Array.from(names, (name) => (hash(name, 2) % (PLACES - 1)) + 1);
  const max = weights.reduce((most, weight) => Math.max(most, weight), 0);
  const gathered = new Float64Array(nodes.length);
  for (let filled = 0; filled < PLACES; ) {
    for (let index = 0; index < nodes.length && filled < PLACES; index++) {
      gathered[index]! += weights[index]! / max;
      if (gathered[index]! < 1) continue;
      gathered[index]!--;
      let place = offsets[index]!;
      while (places[place]! >= 0) place = (place + skips[index]!) % PLACES;
      places[place] = index;
      offsets[index] = (place + skips[index]!) % PLACES;
      filled++;
    }
  }
  return { nodeOf: (key) => places[key % PLACES]! };
}

/** Points of a node of average weight; fewer with many nodes, so that the ring stays small. */
const POINTS = 160;
const POINTS_MAX = 262_144;

/**
 * A ring of points, 160 for a node; a key belongs to the next point. Shares differ by a fifth; when a node goes, its keys move and no
 * other. Looked up by halving.
 *
 * Source: D. Karger et al., "Consistent Hashing and Random Trees" (1997); ketama.
 */
export function ring(nodes: readonly PickerNode[], weights: readonly number[]): HashTable {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const each = Math.max(1, Math.min(POINTS, Math.floor(POINTS_MAX / nodes.length)));
  const points: number[] = [];
  namesOf(nodes).forEach((name, index) => {
    const count = Math.max(1, Math.round((each * nodes.length * weights[index]!) / sum));
    // Sorted as one number: the point, and below it whose it is.
    for (let k = 0; k < count; k++) points.push(hash(`${name}_${k}`) * NODES_MAX + index);
  });
  const sorted = Float64Array.from(points).sort();
  return {
    nodeOf(key) {
      let low = 0;
      let high = sorted.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (sorted[middle]! < key * NODES_MAX) low = middle + 1;
        else high = middle;
      }
      return sorted[low === sorted.length ? 0 : low]! % NODES_MAX;
    },
  };
}

const NODES_MAX = 2 ** 20;

/** By what nodes are placed: their addresses, which outlive a restart; of those that share one each has another name. */
function namesOf(nodes: readonly PickerNode[]): readonly string[] {
  const seen = new Map<string, number>();
  return nodes.map(({ address }) => {
    const before = seen.get(address) ?? 0;
    seen.set(address, before + 1);
    return before === 0 ? address : `${address}~${before}`;
  });
}
