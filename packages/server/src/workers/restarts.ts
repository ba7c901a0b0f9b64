import type { Random } from '@org/rpc-core';

/** Who has run for so long is well: what comes then is no sequel. */
const WELL_MS = 60_000;

const FIRST_MS = 100;
const LAST_MS = 30_000;

/** When a worker that crashed is started again: at once at first, then after twice as long each time, a half more or less, up to 30 seconds. */
export class Restarts {
  readonly #random: Random;
  #crashes = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** How many came one after the other. */
  get crashes(): number {
    return this.#crashes;
  }

  /** It crashed after so many milliseconds. @returns how long to wait, in milliseconds */
  next(ranMs: number): number {
    this.#crashes = ranMs >= WELL_MS ? 1 : this.#crashes + 1;
    return Math.min(LAST_MS, FIRST_MS * 2 ** (this.#crashes - 1)) * (0.5 + this.#random());
  }
}
