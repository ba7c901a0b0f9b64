import { randomBytes } from 'node:crypto';

/** A source of chance: each call gives a number in [0, 1). A parameter everywhere, seeded in tests. */
export type Random = () => number;

/** The process's own source of chance. */
export const systemRandom: Random = Math.random;

/** A new id for an instance or a log correlation: 96 bits, base36, unguessable. */
export function randomId(): string {
  return BigInt(`0x${randomBytes(12).toString('hex')}`)
    .toString(36)
    .padStart(19, '0');
}
