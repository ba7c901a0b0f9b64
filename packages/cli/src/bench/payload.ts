import { seededRandom } from './seeded-random.js';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * A string of letters and digits that takes `bytes` bytes and does not compress to nothing.
 * @param seed - the same one gives the same string
 */
export function createPayload(bytes: number, seed: number): string {
  const random = seededRandom(seed);
  const buffer = Buffer.allocUnsafe(bytes);
  for (let index = 0; index < bytes; index++) {
    buffer[index] = LETTERS.charCodeAt(Math.floor(random() * LETTERS.length));
  }
  return buffer.toString('latin1');
}
