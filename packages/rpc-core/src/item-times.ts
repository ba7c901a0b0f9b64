import type { Clock } from './clock.js';
import type { ObservedItems } from './observation.js';

/**
 * Where the time of a stream's items goes in one direction, while somebody observes it: two looks at the clock for each item. Whoever takes
 * items says when it asks for one, and when it has got it.
 */
export class ItemTimes implements ObservedItems {
  firstMs: number | undefined = undefined;
  /** How many have come so far. */
  items = 0;
  readonly #clock: Clock;
  readonly #beganAt: number;
  /** Items that were asked for and have not come. */
  #asked = 0;
  #awaitedMs = 0;
  #heldMs = 0;
  /** When the present wait, or hold, began; `undefined` before the first item was asked for, and after the end. */
  #since: number | undefined = undefined;

  /** @param beganAt - when the call began, in the clock's milliseconds */
  constructor(clock: Clock, beganAt: number) {
    this.#clock = clock;
    this.#beganAt = beganAt;
  }

  get awaitedMs(): number {
    return this.#awaitedMs + (this.#asked > 0 ? this.#presentMs : 0);
  }

  get heldMs(): number {
    return this.#heldMs + (this.#asked > 0 ? 0 : this.#presentMs);
  }

  get #presentMs(): number {
    return this.#since === undefined ? 0 : this.#clock.now() - this.#since;
  }

  /** An item is asked for. */
  asks(): void {
    if (this.#asked === 0) this.#turn();
    this.#asked++;
  }

  /** One has come. */
  comes(): void {
    this.items++;
    if (this.#asked === 0) return;
    this.#turn();
    this.#asked--;
    this.firstMs ??= this.#since! - this.#beganAt;
  }

  /** No more will come, or nobody takes any more. */
  ends(): void {
    if (this.#since === undefined) return;
    this.#turn();
    this.#since = undefined;
    this.#asked = 0;
  }

  /** The time until now counts as what it was. */
  #turn(): void {
    const now = this.#clock.now();
    if (this.#since !== undefined) {
      if (this.#asked > 0) this.#awaitedMs += now - this.#since;
      else this.#heldMs += now - this.#since;
    }
    this.#since = now;
  }
}
