import type { Random } from '@org/rpc-core';

/**
 * A source of chance for loads that can be repeated: the same numbers for the same seed on every machine.
 *
 * Source: splitmix32, the 32-bit form of G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators"
 * (OOPSLA 2014), with the finalizer of MurmurHash3 (A. Appleby).
 * @param seed - an integer from 0 to 2^32 - 1
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x85ebca6b);
    mixed ^= mixed >>> 13;
    mixed = Math.imul(mixed, 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296;
  };
}
