import type { DecodeMessage } from './codec.js';
import type { PlainCheck } from './plain-check.js';

/**
 * What a decoded value takes besides its bytes: 64 for each element (a key and its value are two, and see `ELEMENT_COSTS`), 24 for one
 * that is known to be a number, boolean or null. `decoded-memory.test.ts` measures how far what V8 takes is from that.
 */
export function extraBytes(elements: number, scalars = 0): number {
  return ELEMENT_BYTES * elements - (ELEMENT_BYTES - SCALAR_BYTES) * scalars;
}

/** The same of a plain message, from what was counted in it. */
export function extraBytesOf({ elements, scalars }: PlainCheck): number {
  // A number that is the whole message is no element.
  return extraBytes(elements, Math.min(scalars, elements));
}

/** From here on it is worth a second look at the bytes how many of the elements are only numbers. */
export const LARGE_EXTRA_BYTES = 1024 * 1024;

/** Lets a decoder tell what its last value took. */
export function withExtraBytes(
  decode: (bytes: Buffer, start: number, end: number) => unknown,
  get: () => number,
): DecodeMessage {
  return Object.defineProperty(decode, 'extraBytes', { get });
}

const ELEMENT_BYTES = 64;
const SCALAR_BYTES = 24;
