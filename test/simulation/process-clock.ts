import type { Cancel, Clock } from '@org/rpc';
import type { FakeClock } from '@org/rpc-testkit';

/**
 * The clock of one simulated process. While the process is stopped nothing in it runs, and what has come due meanwhile runs when it
 * goes on; when it is killed nothing in it ever runs again.
 */
export class ProcessClock implements Clock {
  readonly #world: FakeClock;
  #held: (() => void)[] = [];
  #pending = 0;
  isStopped = false;
  isDead = false;

  constructor(world: FakeClock) {
    this.#world = world;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#pending;
  }

  now(): number {
    return this.#world.now();
  }

  wallNow(): number {
    return this.#world.wallNow();
  }

  schedule(delayMs: number, run: () => void): Cancel {
    if (this.isDead) return () => {};
    let isOver = false;
    this.#pending++;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      this.#pending--;
    };
    const cancel = this.#world.schedule(delayMs, () =>
      this.run(() => {
        if (isOver) return;
        end();
        run();
      }),
    );
    return () => {
      cancel();
      end();
    };
  }

  afterPoll(run: () => void): void {
    this.schedule(0, run);
  }

  /** Runs something in the process: now, when it goes on, or never. */
  run(what: () => void): void {
    if (this.isDead) return;
    if (this.isStopped) this.#held.push(what);
    else what();
  }

  stop(): void {
    this.isStopped = true;
  }

  goOn(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    const held = this.#held;
    this.#held = [];
    // One after the other, as a loop takes them.
    for (const what of held) this.#world.schedule(0, () => this.run(what));
  }

  kill(): void {
    this.isDead = true;
    this.#held = [];
    this.#pending = 0;
  }
}
