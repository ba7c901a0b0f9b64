import { seededRandom } from '@org/rpc-testkit';

/** Draws from one seeded source: the same seed gives the same draws. */
export class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A whole number from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  /** A whole number of the range, both ends included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** True with this probability. */
  flip(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** Mostly small, now and then as large as `max`: the logarithm is drawn evenly. */
  size(max: number): number {
    return Math.min(max, Math.floor(2 ** (this.#random() * Math.log2(max + 2))) - 1);
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  /** 32 bits, to seed another source. */
  seed(): number {
    return Math.floor(this.#random() * 0x1_0000_0000);
  }
}

/** Integers at which code that counts bytes goes wrong. */
export const EDGES: readonly number[] = [
  0, 1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 1023, 1024, 4095, 4096, 32_767, 32_768, 65_535,
  65_536, 65_537, 1_000_000, 4_194_303, 4_194_304, 4_194_305, 16_777_216, 16_777_217, 0x7fff_fffe, 0x7fff_ffff,
  0x8000_0000, 0xffff_fffe, 0xffff_ffff,
];
