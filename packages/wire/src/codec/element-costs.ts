import type { ValueKind } from './value-kind.js';

/**
 * What a value counts against `messageElements`, in addition to its place in its array or map: the memory of its object in units
 * of 64 bytes. So the limit bounds memory, whatever the elements are.
 */
export const ELEMENT_COSTS = {
  /** A binary, typed array, `ArrayBuffer`, `Map`, `Set`, `Error` or unknown extension. */
  object: 4,
  /** A `Date`, or a `bigint` that came as an extension. */
  small: 1,
} as const;

/** What an object of this kind costs in addition to its place, without its elements. */
export function elementCost(kind: ValueKind): number {
  if (kind === 'plain' || kind === 'array' || kind === 'float') return 0;
  return kind === 'date' ? ELEMENT_COSTS.small : ELEMENT_COSTS.object;
}
