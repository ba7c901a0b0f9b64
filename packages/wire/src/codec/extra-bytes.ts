import type { DecodeMessage } from './codec.js';
import type { PlainCheck } from './plain-check.js';

/**
 * The estimated memory of a decoded value beyond its bytes: 64 bytes for each element (a key and its value are two, see also
 * `ELEMENT_COSTS`), 24 for one that is known to be a number, boolean or null. `decoded-memory.test.ts` compares that with what V8
 * really takes.
 */
export function extraBytes(elements: number, scalars = 0): number {
  return ELEMENT_BYTES * elements - (ELEMENT_BYTES - SCALAR_BYTES) * scalars;
}

/** The same for a plain message, from the counts of its check. */
export function extraBytesOf({ elements, scalars }: PlainCheck): number {
  // A number that is the whole message is no element.
  return extraBytes(elements, Math.min(scalars, elements));
}

/** From this estimate on, in bytes, it pays to count in a second pass how many elements are only numbers. */
export const LARGE_EXTRA_BYTES = 1024 * 1024;

/** Lets a decoder tell what its last value took. */
export function withExtraBytes(
  decode: (bytes: Buffer, start: number, end: number, mayKeep?: boolean) => unknown,
  get: () => number,
): DecodeMessage {
  return Object.defineProperty(decode, 'extraBytes', { get });
}

const ELEMENT_BYTES = 64;
const SCALAR_BYTES = 24;
