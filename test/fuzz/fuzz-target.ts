import type { Chance } from './chance.js';

/** Bytes of an input that seed everything that is not in its bytes: where they are cut, what this side does meanwhile. */
export const PLAN_BYTES = 4;

/** Something that inputs are thrown at. */
export interface FuzzTarget {
  readonly name: string;
  /** A valid or nearly valid input, without its plan. */
  generate(chance: Chance): Buffer;
  /** Where frames or messages begin, so that whole ones can be doubled, swapped or dropped. Bytes that are none end the list. */
  boundaries(bytes: Buffer): readonly number[];
  /**
   * Runs one input and throws when an invariant is broken.
   * @param held - called when the input was taken and everything that it opened is still open
   */
  run(plan: number, bytes: Buffer, held: () => void): void | Promise<void>;
}

/** Splits an input into its plan and its bytes. */
export function splitInput(input: Buffer): { plan: number; bytes: Buffer } {
  if (input.length < PLAN_BYTES) return { plan: 0, bytes: Buffer.alloc(0) };
  return { plan: input.readUInt32BE(0), bytes: input.subarray(PLAN_BYTES) };
}

/** Joins a plan and bytes to an input. */
export function joinInput(plan: number, bytes: Buffer): Buffer {
  const head = Buffer.alloc(PLAN_BYTES);
  head.writeUInt32BE(plan);
  return Buffer.concat([head, bytes]);
}
