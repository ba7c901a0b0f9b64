import type { Cancel, Clock } from '@org/rpc-core';

/**
 * Whether the copy of etcd's data counts as current: from a successful read on, until two reads in a row have failed (one failure
 * is an accident) or nothing at all was heard for a while.
 */
export class Freshness {
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #onStale: () => void;
  #isFresh = false;
  #heardAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #cancel: Cancel | undefined;
  #isClosed = false;

  /**
   * @param silenceMs - how long a silence may be, in milliseconds
   * @param onStale - called when it is no longer fresh
   */
  constructor(clock: Clock, silenceMs: number, onStale: () => void) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#onStale = onStale;
  }

  get isFresh(): boolean {
    return this.#isFresh;
  }

  /** Notes that a read has succeeded. */
  succeeded(): void {
    this.#failures = 0;
    this.#isFresh = true;
    this.heard();
    if (this.#cancel === undefined && !this.#isClosed) this.#expireAfter(this.#silenceMs);
  }

  /** Notes that a read has failed. */
  failed(): void {
    this.#failures++;
    if (this.#failures >= FAILURES_MAX) this.#end();
  }

  /** Notes that a watch has sent something. */
  heard(): void {
    this.#heardAt = this.#clock.now();
  }

  /** Ends its timer. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  /** One timer at a time, which looks again when something was heard meanwhile. */
  #expireAfter(delayMs: number): void {
    const expire = (): void => {
      this.#cancel = undefined;
      const leftMs = this.#heardAt + this.#silenceMs - this.#clock.now();
      if (leftMs > 0) this.#expireAfter(leftMs);
      else this.#end();
    };
    this.#cancel = this.#clock.schedule(delayMs, expire, true);
  }

  #end(): void {
    if (!this.#isFresh) return;
    this.#isFresh = false;
    this.#onStale();
  }
}

const FAILURES_MAX = 2;
