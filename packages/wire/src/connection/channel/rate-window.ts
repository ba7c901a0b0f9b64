const WINDOW_MS = 10_000;

/** Counts events in windows of ten seconds, to bound what a peer may make us do without a call. */
export class RateWindow {
  #startedAt = Number.NEGATIVE_INFINITY;
  #count = 0;

  /** Counts one more; whether the window now holds more than `max`. */
  exceeds(max: number, now: number): boolean {
    if (now - this.#startedAt >= WINDOW_MS) {
      this.#startedAt = now;
      this.#count = 0;
    }
    return ++this.#count > max;
  }
}
