import type { Clock } from '@org/rpc-core';

/** At most this many calls begin between two looks at the clock. */
const CALLS_UNSEEN_MAX = 32;

/** How much work may pass between two looks at the clock, in milliseconds. */
const LOOK_EVERY_MS = 5;

/**
 * The bound of a turn after one was too long, and while calls wait, in milliseconds. New calls must be read often, to be compared with those
 * that wait.
 */
const BUSY_TURN_MS = 20;

/** A turn held for longer than this, in milliseconds, may have made calls late that had much time left when they were read. */
const HELD_MS = 100;

/** A shorter stall does not count, in milliseconds. */
const STALL_MS = 10;

/**
 * When a turn is found to be long, the time before counts for at most this many milliseconds, because it is not known how much of it the
 * process really ran.
 */
const UNMEASURED_MS = BUSY_TURN_MS;

/** At most this many calls wait for a turn, however little they cost. */
const CALLS_A_TURN_MAX = 100_000;

/**
 * Watches how long one turn of the event loop takes. While handlers compute, nothing is read: calls pile up unseen, and the calls of one chunk
 * of bytes begin one after the other until all of them are late. So a turn longer than its bound begins no further calls. Time in which other
 * processes had the CPU does not count: on a busy machine a server does not refuse calls because of its neighbours.
 *
 * A healthy server pays a decrement for each call, and a look at the clock for every 32nd, whether calls come together or one by one. A turn
 * of more than 10 ms also asks the operating system once; a turn that is used up, two or three times.
 */
export class TurnWatch {
  readonly #clock: Clock;
  readonly #preemptedMs: () => number;
  #turnMs: number;
  readonly #onTurn: () => void;
  /** Since when the present turn has been watched; `undefined` when it is not watched. */
  #since: number | undefined;
  #lookedAt = 0;
  #unseen = 0;
  #unseenMax = 0;
  /** Calls that began in this turn. */
  #begun = 0;
  /** How long the process ran in this turn, measured at `#measuredAt`; `undefined` until the turn is long. */
  #usedMs: number | undefined;
  #measuredAt = 0;
  #preemptedThen = 0;
  #isOver = false;
  /** Whether a turn was too long, and none has been short since. */
  #isBusy = false;
  #isHeld = false;
  #callsATurn = 0;
  #lastMs = 0;
  /** What is read from this time on has not waited for the last turn. */
  #freshFrom = Number.NEGATIVE_INFINITY;
  /** By when the server looks after its calls the next time. */
  #tickBy = Number.POSITIVE_INFINITY;

  /**
   * @param turnMs - the bound, in milliseconds
   * @param onTurn - runs when a watched turn has ended and the bytes that arrived during it have been read
   * @param preemptedMs - how long this thread has been ready to run but had no CPU, since any fixed time
   */
  constructor(clock: Clock, turnMs: number, onTurn: () => void, preemptedMs: () => number = () => 0) {
    this.#clock = clock;
    this.#turnMs = turnMs;
    this.#onTurn = onTurn;
    this.#preemptedMs = preemptedMs;
  }

  /** Changes the bound of a turn, in milliseconds. */
  set turnMs(ms: number) {
    this.#turnMs = ms;
  }

  /** Counts a call that is about to begin. @returns whether to look at the clock now */
  counts(): boolean {
    return --this.#unseen < 0;
  }

  /** How many calls fit into a whole turn, judged by the last long turn; 0 before the first one. */
  get callsATurn(): number {
    return this.#callsATurn;
  }

  /** Whether the present turn has taken so long that any of its calls may be late. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Looks at the clock. @param isAwaited - whether calls wait @returns whether the turn is used up */
  isUsedUp(now: number, isAwaited: boolean): boolean {
    if (this.#since === undefined) this.#begin(now);
    else {
      const calls = Math.max(1, this.#unseenMax - this.#unseen);
      this.#begun += calls;
      this.#learn(now, calls);
      if (now - this.#since > HELD_MS) this.#isHeld = true;
    }
    // Calls that are made to wait cost nothing, and would make the others seem as cheap.
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
    // Otherwise the operating system is not asked before the turn is long.
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

  /** The sockets have been read, and timers are not late. @param by - when this is to be said again */
  ticked(by: number): void {
    this.#tickBy = by;
  }

  /**
   * How long bytes read at this time may have waited unread, in milliseconds: a turn before, or as long as the tick of the server is overdue, for a
   * process that was frozen reads its sockets before it runs its timers. What is read after that came later, and has not waited.
   */
  stallBefore(readAt: number): number {
    const waitedMs = readAt < this.#freshFrom ? this.#lastMs : 0;
    const stallMs = Math.max(waitedMs, readAt - this.#tickBy);
    return stallMs >= STALL_MS ? stallMs : 0;
  }

  /** Decides after how many calls to look at the clock next, from the time that calls have taken since the last look. */
  #learn(now: number, calls: number): void {
    const perCallMs = (now - this.#lookedAt) / calls;
    this.#unseenMax = Math.max(0, Math.min(CALLS_UNSEEN_MAX, Math.floor(LOOK_EVERY_MS / perCallMs)) - 1);
  }

  /** What waited during the last turn has been read. */
  readonly #polled = (): void => {
    this.#freshFrom = this.#clock.now();
  };

  readonly #ended = (): void => {
    const now = this.#clock.now();
    this.#lastMs = now - this.#since!;
    if (this.#lastMs >= STALL_MS) {
      this.#freshFrom = Number.POSITIVE_INFINITY;
      this.#clock.afterPoll(this.#polled);
    }
    if (this.#isBusy && this.#lastMs >= BUSY_TURN_MS / 2 && this.#usedMs !== undefined)
      this.#measure(this.#usedMs, now);
    if (Math.min(this.#lastMs, this.#usedMs ?? this.#lastMs) < BUSY_TURN_MS / 2) this.#isBusy = false;
    // For calls that come one by one, this is the only place to learn from: without it, each would cost two looks at the clock and a callback.
    if (!this.#isBusy) {
      this.#learn(now, this.#unseenMax - this.#unseen + 1);
      this.#unseen = this.#unseenMax;
    }
    this.#since = undefined;
    this.#isHeld = false;
    this.#onTurn();
  };
}
