import type { Clock } from '@org/rpc-core';

/** At the most so many calls begin without a look at the clock. */
const CALLS_UNSEEN_MAX = 32;

/** So much work may go by between two looks, in milliseconds. */
const LOOK_EVERY_MS = 5;

/**
 * Once a turn was too long, and while calls wait, a turn ends after so many milliseconds: what has arrived meanwhile must come in, to be compared
 * with what waits.
 */
const BUSY_TURN_MS = 20;

/** A stall of less is none. */
const STALL_MS = 10;

/** For how long after a turn what is read may have waited during it, in milliseconds. */
const AFTER_MS = 5;

/**
 * Watches how long one turn of the event loop takes. While handlers compute, nothing is read: calls pile up where nobody sees them, and those
 * of one chunk of bytes are begun one after the other until all of them are late. A turn that is longer than its bound takes no more of them.
 *
 * A healthy server pays a decrement for each call, and a look at the clock for every 32nd.
 */
export class TurnWatch {
  readonly #clock: Clock;
  readonly #turnMs: number;
  readonly #onTurn: () => void;
  /** Since when the present turn has been watched; `undefined` when it is not. */
  #since: number | undefined;
  #lookedAt = 0;
  #unseen = 0;
  #unseenMax = 0;
  /** Whether a turn was too long, and none has been short since. */
  #isBusy = false;
  #lastMs = 0;
  #endedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param turnMs - the bound, in milliseconds
   * @param onTurn - runs when a turn that was watched has ended, and what has arrived meanwhile was read
   */
  constructor(clock: Clock, turnMs: number, onTurn: () => void) {
    this.#clock = clock;
    this.#turnMs = turnMs;
    this.#onTurn = onTurn;
  }

  /** One more call is about to begin. @returns whether it is worth a look at the clock */
  counts(): boolean {
    return --this.#unseen < 0;
  }

  /** Looks whether the turn is used up. @param isAwaited - whether calls wait */
  isUsedUp(now: number, isAwaited: boolean): boolean {
    if (this.#since === undefined) {
      this.#since = now;
      this.#clock.afterPoll(this.#ended);
    } else {
      const perCallMs = (now - this.#lookedAt) / Math.max(1, this.#unseenMax - this.#unseen);
      this.#unseenMax = Math.max(0, Math.min(CALLS_UNSEEN_MAX, Math.floor(LOOK_EVERY_MS / perCallMs)) - 1);
    }
    // Calls that are made to wait cost nothing, and would say that the others do so too.
    if (this.#isBusy || isAwaited) this.#unseenMax = 0;
    this.#lookedAt = now;
    this.#unseen = this.#unseenMax;
    const heldMs = now - this.#since;
    if (heldMs > this.#turnMs) this.#isBusy = true;
    return heldMs > (this.#isBusy || isAwaited ? BUSY_TURN_MS : this.#turnMs);
  }

  /** The process has stood still for so long, whatever the reason. */
  stalled(ms: number, now: number): void {
    this.#lastMs = ms;
    this.#endedAt = now;
  }

  /** How long what was read at this time may have waited to be read, in milliseconds. */
  stallBefore(readAt: number): number {
    return this.#lastMs >= STALL_MS && readAt - this.#endedAt <= AFTER_MS ? this.#lastMs : 0;
  }

  readonly #ended = (): void => {
    const now = this.#clock.now();
    this.stalled(now - this.#since!, now);
    if (this.#lastMs < BUSY_TURN_MS / 2) this.#isBusy = false;
    this.#since = undefined;
    this.#onTurn();
  };
}
