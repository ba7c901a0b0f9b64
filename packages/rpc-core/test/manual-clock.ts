import type { Cancel, Clock } from '../src/clock.js';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that runs its timers synchronously, without promises: for properties of many steps. */
export class ManualClock implements Clock {
  time: number;
  readonly #timers = new Set<Timer>();
  readonly #polls: (() => void)[] = [];

  constructor(time: number) {
    this.time = time;
  }

  now(): number {
    return this.time;
  }

  wallNow(): number {
    return this.time;
  }

  schedule(delayMs: number, run: () => void): Cancel {
    const timer = { at: this.time + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  afterPoll(run: () => void): void {
    this.#polls.push(run);
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Advances the clock; each timer runs at its time, followed by a poll phase. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      let first: Timer | undefined;
      for (const timer of this.#timers)
        if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
      if (first === undefined) break;
      this.time = Math.max(this.time, first.at);
      this.#run(first);
      this.poll();
    }
    this.time = end;
  }

  /** The process was busy for `ms`: time advances first, then the due timers run. No poll phase. */
  jump(ms: number): void {
    this.time += ms;
    for (const timer of [...this.#timers]) if (timer.at <= this.time) this.#run(timer);
  }

  /** Ends the poll phase. */
  poll(): void {
    for (const run of this.#polls.splice(0)) run();
  }

  #run(timer: Timer): void {
    if (this.#timers.delete(timer)) timer.run();
  }
}
