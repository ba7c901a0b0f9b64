import type { Random } from '@org/rpc-core';

/** Draws a time in milliseconds, for scripted servers. */
export type ServiceTime = (random: Random) => number;

/** Any time between two, all as likely. */
export function uniformTime(minMs: number, maxMs: number): ServiceTime {
  return (random) => minMs + (maxMs - minMs) * random();
}

/** Mostly short, now and then long: what independent work takes on average `meanMs`. */
export function exponentialTime(meanMs: number): ServiceTime {
  return (random) => -Math.log(1 - random()) * meanMs;
}

/**
 * A measured distribution, from points of its cumulative curve.
 * @param knots - pairs of a share from 0 to 1 and the time that this share stays below, both rising; straight in between
 */
export function measuredTime(knots: readonly (readonly [share: number, ms: number])[]): ServiceTime {
  return (random) => {
    const share = random();
    for (let i = 1; i < knots.length; i++) {
      const [above, aboveMs] = knots[i]!;
      if (share > above) continue;
      const [below, belowMs] = knots[i - 1]!;
      return belowMs + ((aboveMs - belowMs) * (share - below)) / (above - below);
    }
    return knots.at(-1)![1];
  };
}
