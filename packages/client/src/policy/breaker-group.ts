import { EventEmitter } from 'node:events';
import type { BreakerOptions, Cancel, Clock, Random } from '@org/rpc-core';
import type { Complete } from '@org/rpc-core/internal';
import { BUCKETS } from './breaker-recorder.js';

/** A breaker has opened or closed; for those who watch. */
export interface BreakerTransition {
  readonly endpoint: string;
  readonly service: string;
  readonly method: string;
  readonly state: 'open' | 'closed';
  /** How long until the trial call, in milliseconds; 0 when it closed. */
  readonly openForMs: number;
}

/** A breaker, as its group sees it. */
export interface ArmedBreaker {
  /** Whether a failure lies in its window. */
  readonly hasFailures: boolean;
  /** Gives up its window, and counts successes only. */
  disarm(): void;
}

/** What all breakers of a client share. */
export interface BreakerGroupSettings {
  readonly options: Complete<BreakerOptions>;
  readonly clock: Clock;
  readonly random: Random;
  readonly onTransition?: ((transition: BreakerTransition) => void) | undefined;
  /** How many breakers may keep a window of outcomes at a time (default 1,000). */
  readonly armedMax?: number | undefined;
}

/**
 * All breakers of one client. It turns the windows of those that are armed, disarms those whose window holds no failure any
 * more, and keeps their number bounded: with all windows in use a newcomer waits until one opens, is clean again, or has had its
 * time. (Did the one unused for longest give way, one breaker more than there is room for would mean that none ever opens: each
 * would lose its window before it has seen enough.) While nothing fails it holds nothing and has no
 * timer. Closed by the client.
 */
export class BreakerGroup {
  readonly options: Complete<BreakerOptions>;
  readonly clock: Clock;
  readonly random: Random;
  /** Turns the windows. It is Node's own emitter, because opossum uses functions that others lack. */
  readonly rotation: EventEmitter = new EventEmitter().setMaxListeners(0);
  /** The length of one bucket in milliseconds. */
  readonly bucketMs: number;
  readonly #onTransition: ((transition: BreakerTransition) => void) | undefined;
  readonly #armedMax: number;
  /** When each armed itself, the earliest first. */
  readonly #armed = new Map<ArmedBreaker, number>();
  #turnedAt = 0;
  #cancelTimer: Cancel | undefined;
  #closed = false;

  constructor(settings: BreakerGroupSettings) {
    this.options = settings.options;
    this.clock = settings.clock;
    this.random = settings.random;
    this.bucketMs = settings.options.windowMs / BUCKETS;
    this.#onTransition = settings.onTransition;
    this.#armedMax = settings.armedMax ?? 1_000;
  }

  /** How many breakers keep a window of outcomes now. */
  get armed(): number {
    return this.#armed.size;
  }

  /**
   * Asked by a breaker before it arms itself.
   * @returns whether there is room for its window; to be given back with {@link release}
   */
  arm(breaker: ArmedBreaker, now: number): boolean {
    if (this.#closed) return false;
    if (this.#armed.size >= this.#armedMax && !this.#armed.has(breaker)) {
      const [oldest] = this.#armed;
      // It has had a whole window of outcomes, and did not open.
      if (oldest === undefined || now - oldest[1] < this.options.windowMs) return false;
      oldest[0].disarm();
    }
    this.#armed.set(breaker, now);
    if (this.#cancelTimer === undefined) {
      this.#turnedAt = this.clock.now();
      this.#schedule();
    }
    return true;
  }

  /** Called by a breaker that keeps no window any more. */
  release(breaker: ArmedBreaker): void {
    this.#armed.delete(breaker);
  }

  /** Tells the observer; his exceptions are his. */
  report(transition: BreakerTransition): void {
    this.#onTransition?.(transition);
  }

  /** Stops the timer and drops every window. Breakers go on counting, but none opens any more. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const breaker of [...this.#armed.keys()]) breaker.disarm();
  }

  /** Whether {@link close} was called: nothing may arm itself any more. */
  get closed(): boolean {
    return this.#closed;
  }

  #schedule(): void {
    this.#cancelTimer = this.clock.schedule(
      this.#turnedAt + this.bucketMs - this.clock.now(),
      () => this.#turn(),
      true,
    );
  }

  #turn(): void {
    this.#cancelTimer = undefined;
    // More than one turn when the loop was busy: the window measures time, not turns.
    const turns = Math.max(1, Math.floor((this.clock.now() - this.#turnedAt) / this.bucketMs));
    this.#turnedAt += turns * this.bucketMs;
    for (let turn = 0; turn < Math.min(turns, BUCKETS); turn++) this.rotation.emit('rotate');
    for (const breaker of [...this.#armed.keys()]) if (!breaker.hasFailures) breaker.disarm();
    if (this.#armed.size > 0) this.#schedule();
  }
}
