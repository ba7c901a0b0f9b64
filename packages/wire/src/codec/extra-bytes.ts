import type { DecodeMessage } from './codec.js';
import type { PlainCheck } from './plain-check.js';

/**
 * What a decoded value takes besides its bytes: 64 for each element of arrays and maps (a key and its value are two), 24 for one that
 * is known to be a number, boolean or null, 256 more for each binary and extension. Upper bounds of what V8 takes (Node.js 20,
 * 64 bits, 60,000 of a kind in one message, heap after garbage collection): a small integer 8, a double 24, a string 32,
 * an empty array 40, an empty object 63, an object with a key that no other has 201 (three elements), a `Set` 159,
 * a `Buffer` 192 to 216, a `Map` or typed array 192, an unknown extension 256.
 */
export function extraBytes(elements: number, binariesAndExtensions: number, scalars = 0): number {
  return ELEMENT_BYTES * elements - (ELEMENT_BYTES - SCALAR_BYTES) * scalars + OBJECT_BYTES * binariesAndExtensions;
}

/** The same of a plain message, from what was counted in it. */
export function extraBytesOf({ elements, binaries, scalars }: PlainCheck): number {
  // A number that is the whole message is no element.
  return extraBytes(elements, binaries, Math.min(scalars, elements));
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
const OBJECT_BYTES = 256;
