import type { Cancel, Clock } from '@org/rpc-core';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** Resolves when all microtasks, and what they schedule for the poll phase, have run. */
const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * A clock that stands still until it is advanced. Timers run in the order of their times, those of the same time in the order in
 * which they were set. Between two of them all promises settle, so every run is the same.
 */
export class FakeClock implements Clock {
  #now: number;
  #order = 0;
  /** A binary heap by time, then order. */
  readonly #heap: Timer[] = [];
  #pending = 0;

  /** @param startMs - where the clock begins, default 0 */
  constructor(startMs = 0) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  /** 2026-01-01 plus the virtual time that has passed. */
  wallNow(): number {
    return 1_767_225_600_000 + this.#now;
  }

  schedule(delayMs: number, run: () => void): Cancel {
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run, cancelled: false };
    this.#push(timer);
    this.#pending++;
    return () => {
      if (timer.cancelled) return;
      timer.cancelled = true;
      this.#pending--;
    };
  }

  afterPoll(run: () => void): void {
    this.schedule(0, run);
  }

  /** How many timers are set; 0 shows that what was tested has cleaned up. */
  get pending(): number {
    return this.#pending;
  }

  /** Moves time forward, running what comes due on the way and settling promises after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await drain();
      const timer = this.#next(end);
      if (timer === undefined) break;
      this.#run(timer);
    }
    this.#now = end;
    await drain();
  }

  /**
   * The same without waiting for the poll phase: between two timers only `hops` promises in a row may settle. Twenty times
   * faster, for simulations in which every reply comes from a timer of this clock.
   *
   * @param hops - how many promises one after the other may settle between two timers (default 4)
   */
  async advanceFast(ms: number, hops = 4): Promise<void> {
    const end = this.#now + ms;
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#run(timer);
      // Microtasks queued by the timer run before this continuation, those that they queue need another hop each.
      for (let hop = 0; hop < hops; hop++) await undefined;
    }
    this.#now = end;
    await drain();
  }

  #run(timer: Timer): void {
    timer.cancelled = true;
    this.#pending--;
    this.#now = Math.max(this.#now, timer.at);
    timer.run();
  }

  #next(end: number): Timer | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > end) return undefined;
      this.#pop();
      if (!first.cancelled) return first;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
