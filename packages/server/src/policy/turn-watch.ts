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

/** A turn that was held for so long may have made calls late that had much time when they were read, in milliseconds. */
const HELD_MS = 100;

/** A stall of less is none. */
const STALL_MS = 10;

/** Of a turn that was found to be long, what went before counts for so much at the most: how much of it the process really ran is not known. */
const UNMEASURED_MS = BUSY_TURN_MS;

/** For how long after a turn what is read may have waited during it, in milliseconds. */
const AFTER_MS = 5;

/** No more calls wait for a turn than this, however little they cost. */
const CALLS_A_TURN_MAX = 100_000;

/**
 * Watches how long one turn of the event loop takes. While handlers compute, nothing is read: calls pile up where nobody sees them, and those
 * of one chunk of bytes are begun one after the other until all of them are late. A turn that is longer than its bound takes no more of them.
 * What the process could have run in and others were run instead is no part of it: on a busy machine a server does not refuse for what
 * its neighbours do.
 *
 * A healthy server pays a decrement for each call, and a look at the clock for every 32nd, whether they come together or one by one.
 * A turn of more than 10 ms pays one question to the
 * operating system, one that is used up two or three.
 */
export class TurnWatch {
  readonly #clock: Clock;
  readonly #preemptedMs: () => number;
  readonly #turnMs: number;
  readonly #onTurn: () => void;
  /** Since when the present turn has been watched; `undefined` when it is not. */
  #since: number | undefined;
  #lookedAt = 0;
  #unseen = 0;
  #unseenMax = 0;
  /** Calls of this turn. */
  #begun = 0;
  /** How long the process ran in this turn, as it was measured at `#measuredAt`; `undefined` until the turn is long. */
  #usedMs: number | undefined;
  #measuredAt = 0;
  #preemptedThen = 0;
  #isOver = false;
  /** Whether a turn was too long, and none has been short since. */
  #isBusy = false;
  #isHeld = false;
  #callsATurn = 0;
  #lastMs = 0;
  #endedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param turnMs - the bound, in milliseconds
   * @param onTurn - runs when a turn that was watched has ended, and what has arrived meanwhile was read
   * @param preemptedMs - for how long this thread could have run and others were run instead, since whenever
   */
  constructor(clock: Clock, turnMs: number, onTurn: () => void, preemptedMs: () => number = () => 0) {
    this.#clock = clock;
    this.#turnMs = turnMs;
    this.#onTurn = onTurn;
    this.#preemptedMs = preemptedMs;
  }

  /** One more call is about to begin. @returns whether it is worth a look at the clock */
  counts(): boolean {
    return --this.#unseen < 0;
  }

  /** How many calls a whole turn would have had time for, by what those of the last long one took; 0 before there was one. */
  get callsATurn(): number {
    return this.#callsATurn;
  }

  /** Whether the present turn has been held for so long that any of its calls may be late. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Looks whether the turn is used up. @param isAwaited - whether calls wait */
  isUsedUp(now: number, isAwaited: boolean): boolean {
    if (this.#since === undefined) this.#begin(now);
    else {
      const calls = Math.max(1, this.#unseenMax - this.#unseen);
      this.#begun += calls;
      this.#learn(now, calls);
      if (now - this.#since > HELD_MS) this.#isHeld = true;
    }
    // Calls that are made to wait cost nothing, and would say that the others do so too.
    if (this.#isBusy || isAwaited) this.#unseenMax = 0;
    this.#lookedAt = now;
    this.#unseen = this.#unseenMax;
    if (!this.#isOver) this.#isOver = this.#isBeyond(this.#isBusy || isAwaited ? BUSY_TURN_MS : this.#turnMs, now);
    return this.#isOver;
  }

  #begin(now: number): void {
    this.#since = now;
    this.#begun = 0;
    this.#isOver = false;
    this.#usedMs = undefined;
    // Otherwise nobody is asked before the turn is long.
    if (this.#isBusy) this.#measureFrom(now, 0);
    this.#clock.afterPoll(this.#ended);
  }

  #isBeyond(boundMs: number, now: number): boolean {
    if (this.#usedMs === undefined) {
      const heldMs = now - this.#since!;
      if (heldMs < STALL_MS) return false;
      this.#measureFrom(now, Math.min(heldMs, UNMEASURED_MS));
    } else if (this.#usedMs + now - this.#measuredAt > boundMs) this.#measure(this.#usedMs, now);
    const usedMs = this.#usedMs!;
    if (usedMs > this.#turnMs) this.#isBusy = true;
    if (usedMs <= boundMs) return false;
    this.#callsATurn = Math.min(CALLS_A_TURN_MAX, Math.floor((this.#turnMs * this.#begun) / usedMs));
    return true;
  }

  #measureFrom(now: number, usedMs: number): void {
    this.#usedMs = usedMs;
    this.#measuredAt = now;
    this.#preemptedThen = this.#preemptedMs();
  }

  #measure(usedMs: number, now: number): void {
    const ranMs = now - this.#measuredAt + this.#preemptedThen;
    this.#measureFrom(now, usedMs);
    this.#usedMs = usedMs + Math.max(0, ranMs - this.#preemptedThen);
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

  /** Learns from what calls have taken since the last look after how many the next one is worth while. */
  #learn(now: number, calls: number): void {
    const perCallMs = (now - this.#lookedAt) / calls;
    this.#unseenMax = Math.max(0, Math.min(CALLS_UNSEEN_MAX, Math.floor(LOOK_EVERY_MS / perCallMs)) - 1);
  }

  readonly #ended = (): void => {
    const now = this.#clock.now();
    this.stalled(now - this.#since!, now);
    if (this.#isBusy && this.#lastMs >= BUSY_TURN_MS / 2 && this.#usedMs !== undefined)
      this.#measure(this.#usedMs, now);
    if (Math.min(this.#lastMs, this.#usedMs ?? this.#lastMs) < BUSY_TURN_MS / 2) this.#isBusy = false;
    // Of calls that come one by one, this is all that is seen: without it, each would cost two looks at the clock and a callback.
    if (!this.#isBusy) {
      this.#learn(now, this.#unseenMax - this.#unseen + 1);
      this.#unseen = this.#unseenMax;
    }
    this.#since = undefined;
    this.#isHeld = false;
    this.#onTurn();
  };
}
