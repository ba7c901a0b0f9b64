import type { PickerNode } from './picker.js';

/** The nodes that get calls: those that weigh something, or all when none does. */
export function weighted<N extends PickerNode>(nodes: readonly N[]): readonly N[] {
  const heavy = nodes.filter((node) => node.endpoint.weight > 0);
  return heavy.length > 0 ? heavy : nodes;
}

/** The weights of nodes, 1 for each where none weighs anything. */
export function weightsOf(nodes: readonly PickerNode[]): number[] {
  const isNothing = nodes.every(({ endpoint }) => endpoint.weight === 0);
  return nodes.map(({ endpoint }) => (isNothing ? 1 : endpoint.weight));
}

/**
 * Chooses numbers from 0 on in turn, each as often as it weighs: over as many turns as the weights make together, in exact
 * shares, and spread out as evenly as they allow.
 *
 * What weighs at most twice as much as the others is one class; one turn is one step through the classes, fourteen at most for
 * weights up to 10,000, and two through the members of one, on average. So its price does not grow with their number, nor with
 * how much they differ.
 *
 * Source: static stride scheduling, gRPC A58.
 */
export class Stride {
  readonly #classes: readonly Turns[];
  readonly #members: readonly (readonly number[])[];
  readonly #choice: Turns;

  /** @param phase - 0 to 1: where in its turns it begins */
  constructor(weights: readonly number[], phase: number) {
    const classes = new Map<number, number[]>();
    weights.forEach((weight, index) => {
      const magnitude = Math.floor(Math.log2(weight));
      const members = classes.get(magnitude);
      if (members === undefined) classes.set(magnitude, [index]);
      else members.push(index);
    });
    this.#members = [...classes.values()];
    this.#classes = this.#members.map(
      (members) =>
        new Turns(
          members.map((index) => weights[index]!),
          phase,
        ),
    );
    const sums = this.#members.map((members) => members.reduce((sum, index) => sum + weights[index]!, 0));
    this.#choice = new Turns(sums, phase);
  }

  next(): number {
    const index = this.#choice.next();
    return this.#members[index]![this.#classes[index]!.next()]!;
  }
}

/**
 * Goes round and round: the heaviest is taken in every round, the others in proportion to their weight.
 */
class Turns {
  readonly #weights: readonly number[];
  readonly #max: number;
  /** What each has gathered since it was taken last; at `max` it is taken. */
  readonly #gathered: Float64Array;
  #cursor: number;

  constructor(weights: readonly number[], phase: number) {
    this.#weights = weights;
    this.#max = weights.reduce((max, weight) => Math.max(max, weight), 0);
    this.#cursor = Math.floor(phase * weights.length);
    // Whole numbers, so that nothing is lost by rounding; different ones, so that equal weights are not all taken in a row.
    this.#gathered = Float64Array.from(weights, (_, index) => Math.floor(((index * 0.618034) % 1) * this.#max));
  }

  next(): number {
    for (;;) {
      const index = this.#cursor;
      this.#cursor = index + 1 === this.#weights.length ? 0 : index + 1;
      const gathered = this.#gathered[index]! + this.#weights[index]!;
      if (gathered >= this.#max) {
        this.#gathered[index] = gathered - this.#max;
        return index;
      }
      this.#gathered[index] = gathered;
    }
  }
}
