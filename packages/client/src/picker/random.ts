import type { PickerFactory } from './picker.js';
import { SearchingPicker } from './searching-picker.js';
import { weighted, weightsOf } from './weights.js';

/**
 * A random node, each as often as its weight says; load is ignored. Nodes that are avoided or were tried are drawn again. Clients
 * never fall into step with each other. `p2c` draws two nodes, and is better for it.
 */
export function random(): PickerFactory {
  return {
    name: 'random',
    create(nodes, environment) {
      const heavy = weighted(nodes);
      const alias = new Alias(weightsOf(heavy));
      return new SearchingPicker(heavy, environment, () => alias.draw(environment.random()));
    },
  };
}

/**
 * Draws numbers from 0 on by their weights, at the same price for any number of them: each place holds a part of its own number, and
 * of one other that fills it up.
 *
 * Source: M. Vose, "A Linear Algorithm for Generating Random Numbers with a Given Distribution" (1991).
 */
export class Alias {
  readonly #own: Float64Array;
  readonly #other: Uint32Array;

  constructor(weights: readonly number[]) {
    const { length } = weights;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    this.#own = Float64Array.from(weights, (weight) => (weight * length) / sum);
    this.#other = Uint32Array.from(weights, (_, index) => index);
    const small: number[] = [];
    const large: number[] = [];
    for (const [index, share] of this.#own.entries()) (share < 1 ? small : large).push(index);
    while (small.length > 0 && large.length > 0) {
      const lacking = small.pop()!;
      const giving = large.at(-1)!;
      this.#other[lacking] = giving;
      this.#own[giving]! -= 1 - this.#own[lacking]!;
      if (this.#own[giving]! < 1) small.push(large.pop()!);
    }
    // What is left is 1 but for rounding.
    for (const index of [...small, ...large]) this.#own[index] = 1;
  }

  /** @param chance - 0 up to but without 1 */
  draw(chance: number): number {
    const place = chance * this.#own.length;
    const index = Math.floor(place);
    return place - index < this.#own[index]! ? index : this.#other[index]!;
  }
}
