import { randomBytes } from 'node:crypto';

/** A source of random numbers: each call returns a number in [0, 1). A parameter everywhere, seeded in tests. */
export type Random = () => number;

/** The process's own source of random numbers. */
export const systemRandom: Random = Math.random;

/** A new id for an instance or a log correlation: 96 bits, base36, unguessable. */
export function randomId(): string {
  return BigInt(`0x${randomBytes(12).toString('hex')}`)
    .toString(36)
    .padStart(19, '0');
}
