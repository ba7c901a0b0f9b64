import { EventEmitter } from 'node:events';
import type { BreakerOptions, Cancel, Clock, Random } from '@org/rpc-core';
import type { Complete } from '@org/rpc-core/internal';
import { BUCKETS } from './breaker-recorder.js';

/** A breaker has opened or closed; for those who watch. */
export interface BreakerTransition {
  readonly endpoint: string;
  /** The id of the instance there; `undefined` where it has none. */
  readonly instance: string | undefined;
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

/** What holds for a breaker; with `errorPercent: 100` it never opens. */
export type BreakerValues = Complete<BreakerOptions>;

/** What all breakers of a client share. */
export interface BreakerGroupSettings {
  /** What holds for breakers that are given no values of their own. */
  readonly options: BreakerValues;
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
  /** What holds for a breaker that is given no values of its own. */
  readonly options: BreakerValues;
  readonly clock: Clock;
  readonly random: Random;
  readonly #onTransition: ((transition: BreakerTransition) => void) | undefined;
  readonly #armedMax: number;
  /** When each armed itself, the earliest first, and what turns its window. */
  readonly #armed = new Map<ArmedBreaker, { readonly at: number; readonly wheel: Wheel }>();
  /** By the length of the windows, which is the same for nearly all. Those that turn something are in it. */
  readonly #wheels = new Map<number, Wheel>();
  #closed = false;

  constructor(settings: BreakerGroupSettings) {
    this.options = settings.options;
    this.clock = settings.clock;
    this.random = settings.random;
    this.#onTransition = settings.onTransition;
    this.#armedMax = settings.armedMax ?? 1_000;
  }

  /** How many breakers keep a window of outcomes now. */
  get armed(): number {
    return this.#armed.size;
  }

  /**
   * Asked by a breaker before it arms itself, and again when its window gets another length.
   * @returns what turns its window, to be given back with {@link release}; `undefined` when there is no room for one
   */
  arm(breaker: ArmedBreaker, windowMs: number, now: number): EventEmitter | undefined {
    if (this.#closed) return undefined;
    if (this.#armed.size >= this.#armedMax && !this.#armed.has(breaker)) {
      const [oldest] = this.#armed;
      // It has had a whole window of outcomes, and did not open.
      if (oldest === undefined || now - oldest[1].at < oldest[1].wheel.windowMs) return undefined;
      oldest[0].disarm();
    }
    this.release(breaker);
    const wheel = this.#wheel(windowMs);
    this.#armed.set(breaker, { at: now, wheel });
    wheel.add(breaker);
    return wheel.rotation;
  }

  /** Called by a breaker that keeps no window any more. */
  release(breaker: ArmedBreaker): void {
    this.#armed.get(breaker)?.wheel.remove(breaker);
    this.#armed.delete(breaker);
  }

  /** Tells the observer; his exceptions are his. */
  report(transition: BreakerTransition): void {
    this.#onTransition?.(transition);
  }

  /** Stops the timers and drops every window. Breakers go on counting, but none opens any more. */
  close(): void {
    this.#closed = true;
    for (const wheel of this.#wheels.values()) wheel.stop();
    for (const breaker of [...this.#armed.keys()]) breaker.disarm();
  }

  /** Whether {@link close} was called: nothing may arm itself any more. */
  get closed(): boolean {
    return this.#closed;
  }

  #wheel(windowMs: number): Wheel {
    let wheel = this.#wheels.get(windowMs);
    if (wheel === undefined) {
      wheel = new Wheel(windowMs, this.clock, () => this.#wheels.delete(windowMs));
      this.#wheels.set(windowMs, wheel);
    }
    return wheel;
  }
}

/** Turns all windows of one length, in steps of a tenth. Has a timer while there is something to turn. */
class Wheel {
  readonly windowMs: number;
  /** It is Node's own emitter, because opossum uses functions that others lack. */
  readonly rotation: EventEmitter = new EventEmitter().setMaxListeners(0);
  readonly #clock: Clock;
  readonly #onIdle: () => void;
  readonly #armed = new Set<ArmedBreaker>();
  #turnedAt = 0;
  #cancelTimer: Cancel | undefined;

  /** @param onIdle - called when there is nothing to turn any more */
  constructor(windowMs: number, clock: Clock, onIdle: () => void) {
    this.windowMs = windowMs;
    this.#clock = clock;
    this.#onIdle = onIdle;
  }

  add(breaker: ArmedBreaker): void {
    this.#armed.add(breaker);
    if (this.#cancelTimer !== undefined) return;
    this.#turnedAt = this.#clock.now();
    this.#schedule();
  }

  remove(breaker: ArmedBreaker): void {
    this.#armed.delete(breaker);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(): void {
    const at = this.#turnedAt + this.windowMs / BUCKETS;
    this.#cancelTimer = this.#clock.schedule(at - this.#clock.now(), () => this.#turn(), true);
  }

  #turn(): void {
    this.#cancelTimer = undefined;
    const bucketMs = this.windowMs / BUCKETS;
    // More than one turn when the loop was busy: the window measures time, not turns.
    const turns = Math.max(1, Math.floor((this.#clock.now() - this.#turnedAt) / bucketMs));
    this.#turnedAt += turns * bucketMs;
    for (let turn = 0; turn < Math.min(turns, BUCKETS); turn++) this.rotation.emit('rotate');
    for (const breaker of [...this.#armed]) if (!breaker.hasFailures) breaker.disarm();
    if (this.#armed.size > 0) this.#schedule();
    else this.#onIdle();
  }
}
