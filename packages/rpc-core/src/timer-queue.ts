import type { Cancel, Clock } from './clock.js';
import type { LoopWatch } from './method-ref.js';
import type { Call } from './service.js';

/** An expiry that is noticed later than this, in milliseconds, is blamed on a busy event loop, not on the server. */
const LATE_MS = 5;

/** An attempt with less time than this, in milliseconds, gets no halfway notice. */
const HALFWAY_MIN_MS = 4;

/** How many late turns of the event loop are remembered. */
const LATE_TIMES = 16;

const SLOT_BITS = 8;
const SLOTS = 1 << SLOT_BITS;
const LEVELS = 4;
/** Milliseconds of one slot, by level. */
const UNITS: readonly number[] = [1, SLOTS, SLOTS ** 2, SLOTS ** 3];
/** 2^32 ms are 49 days: a later deadline waits in the furthest slot and is sorted again when that slot is due. */
const REACH = 2 ** (SLOT_BITS * LEVELS) - 1;
const LATE_SLOT = SLOTS * LEVELS;

/**
 * Expires calls at their `attemptDeadline`: one timer of the clock for all calls, no allocation, insertion and removal in constant time. It
 * also tells the holder of an attempt when half of the attempt's time has passed. A hierarchical timing wheel with a grain of 1 ms, linked
 * through fields of the calls.
 *
 * Source: G. Varghese, A. Lauck, "Hashed and Hierarchical Timing Wheels" (SOSP 1987), scheme 7.
 */
export class TimerQueue implements LoopWatch {
  readonly #clock: Clock;
  /** The first call of each slot; the last slot holds calls whose expiry was noticed late. */
  readonly #heads: (Call | undefined)[] = new Array<Call | undefined>(LATE_SLOT + 1).fill(undefined);
  #count = 0;
  /** All ticks up to this one have been handled. It may lag behind the clock while nothing is due. */
  #tick: number;
  #armedTick = Number.POSITIVE_INFINITY;
  #cancelTimer: Cancel | undefined;
  #closed = false;
  /** When this queue's timer was due and when it ran, for late runs, the latest last. */
  readonly #late: { readonly from: number; readonly to: number; readonly ranAt: number }[] = [];
  /** When this process was last seen to run while nothing was overdue: a call ended, or the timer ran on time. */
  #ranAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#tick = Math.floor(clock.now());
  }

  /** How many calls wait here. */
  get size(): number {
    return this.#count;
  }

  /** Adds a call with a finite `attemptDeadline` and a `holder`, which is told when the deadline passes. */
  add(call: Call): void {
    if (this.#count++ === 0) this.#tick = Math.max(this.#tick, Math.floor(this.#clock.now()));
    const wakeTick = this.#insert(call);
    if (wakeTick < this.#armedTick) this.#arm(wakeTick);
  }

  lateMs(from: number, to: number): number {
    let ms = 0;
    for (const late of this.#late) ms += Math.max(0, Math.min(late.to, to) - Math.max(late.from, from));
    return ms;
  }

  ranBetween(from: number, to: number): boolean {
    return this.#late.some((late) => late.ranAt > from && late.ranAt < to && late.to > from);
  }

  /** Removes a call, with its `endedAt` if it has ended; harmless when it is not in the queue. */
  remove(call: Call): void {
    if (call.timerSlot < 0) return;
    if (call.endedAt < this.#armedTick && call.endedAt > this.#ranAt) this.#ranAt = call.endedAt;
    this.#count--;
    this.#unlink(call);
  }

  /** Stops the timer. Calls still inside never expire. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#armedTick = Number.NEGATIVE_INFINITY;
  }

  /** Links a call into its slot and returns the tick at which that slot must be looked at. */
  #insert(call: Call): number {
    // Rounded up, so that nothing expires early.
    const tick = Math.max(this.#tick + 1, Math.min(Math.ceil(dueAt(call)), this.#tick + REACH));
    const distance = tick - this.#tick;
    let level = 0;
    while (distance >= UNITS[level]! * SLOTS) level++;
    this.#link(call, slotOf(level, tick));
    return level === 0 ? tick : this.#nextBoundary();
  }

  #link(call: Call, slot: number): void {
    const head = this.#heads[slot];
    call.timerSlot = slot;
    call.timerPrevious = undefined;
    call.timerNext = head;
    if (head !== undefined) head.timerPrevious = call;
    this.#heads[slot] = call;
  }

  #unlink(call: Call): void {
    const { timerPrevious, timerNext } = call;
    if (timerNext !== undefined) timerNext.timerPrevious = timerPrevious;
    if (timerPrevious !== undefined) timerPrevious.timerNext = timerNext;
    else this.#heads[call.timerSlot] = timerNext;
    call.timerSlot = -1;
    call.timerPrevious = undefined;
    call.timerNext = undefined;
  }

  #nextBoundary(): number {
    return (Math.floor(this.#tick / SLOTS) + 1) * SLOTS;
  }

  #arm(tick: number): void {
    this.#cancelTimer?.();
    this.#armedTick = tick;
    this.#cancelTimer = this.#clock.schedule(Math.max(0, tick - this.#clock.now()), () => this.#run());
  }

  #run(): void {
    this.#cancelTimer = undefined;
    const armedTick = this.#armedTick;
    // Calls that are added while others expire do not arm the timer: it is armed once, below.
    this.#armedTick = Number.NEGATIVE_INFINITY;
    const now = this.#clock.now();
    const target = Math.floor(now);
    if (now - armedTick > LATE_MS && armedTick > 0) this.#wasLate(armedTick, now);
    else this.#ranAt = now;
    try {
      while (this.#tick < target && this.#count > 0) {
        this.#tick++;
        if (this.#tick % SLOTS === 0) this.#cascade();
        this.#expireSlot(this.#tick % SLOTS, now);
      }
    } finally {
      // This also runs when a holder throws: the other calls must still expire.
      if (this.#heads[LATE_SLOT] !== undefined) this.#clock.afterPoll(() => this.#expireLate());
      if (this.#count === 0) this.#armedTick = Number.POSITIVE_INFINITY;
      else if (!this.#closed) this.#arm(this.#nextWake());
    }
  }

  /** Moves the calls of coarser slots that are due down by one level or more. */
  #cascade(): void {
    for (let level = 1; level < LEVELS; level++) {
      const slot = slotOf(level, this.#tick);
      for (let call = this.#heads[slot]; call !== undefined; call = this.#heads[slot]) {
        this.#unlink(call);
        // A call that is due at this very tick goes into the slot that is expired next, not into one a tick later.
        if (dueAt(call) <= this.#tick) this.#link(call, slotOf(0, this.#tick));
        else this.#insert(call);
      }
      if (slot !== level * SLOTS) return;
    }
  }

  #expireSlot(slot: number, now: number): void {
    for (let call = this.#heads[slot]; call !== undefined; call = this.#heads[slot]) {
      this.#unlink(call);
      if (!call.isHalfway && call.attemptDeadline > now) {
        call.isHalfway = true;
        this.#insert(call);
        call.holder?.halfway?.(call);
      } else if (now - call.attemptDeadline > LATE_MS) {
        this.#link(call, LATE_SLOT);
      } else {
        this.#count--;
        call.holder?.expire(call, false);
      }
    }
  }

  /** The sockets have been read since these expiries were noticed: a call that is still here has no answer. */
  #expireLate(): void {
    for (let call = this.#heads[LATE_SLOT]; call !== undefined; call = this.#heads[LATE_SLOT]) {
      this.#unlink(call);
      this.#count--;
      call.holder?.expire(call, true);
    }
  }

  #wasLate(from: number, to: number): void {
    this.#late.push({ from, to, ranAt: this.#ranAt });
    if (this.#late.length > LATE_TIMES) this.#late.shift();
  }

  #nextWake(): number {
    const boundary = this.#nextBoundary();
    for (let tick = this.#tick + 1; tick < boundary; tick++) {
      if (this.#heads[tick % SLOTS] !== undefined) return tick;
    }
    return boundary;
  }
}

/** When a call is due next: halfway, or at its deadline. */
function dueAt({ attemptDeadline, startedAt, isHalfway }: Call): number {
  const leftMs = attemptDeadline - startedAt;
  return isHalfway || startedAt === 0 || leftMs < HALFWAY_MIN_MS ? attemptDeadline : startedAt + leftMs / 2;
}

/** The slot of a tick. The bits are cut off modulo 2^32, which leaves the lower ones right. */
function slotOf(level: number, tick: number): number {
  return level * SLOTS + ((tick / UNITS[level]!) & (SLOTS - 1));
}
