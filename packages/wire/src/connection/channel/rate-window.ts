const WINDOW_MS = 10_000;

/** Counts events in windows of ten seconds, to bound what a peer may make us do without a call. */
export class RateWindow {
  #startedAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  #baseAtStart = 0;

  /**
   * Counts one more; whether the window now holds more than `max`.
   * @param share - how many more are allowed for each step that `base` has made since the window began
   */
  exceeds(max: number, now: number, share = 0, base = 0): boolean {
    if (now - this.#startedAt >= WINDOW_MS) {
      this.#startedAt = now;
      this.#count = 0;
      this.#baseAtStart = base;
    }
    return ++this.#count > max + share * (base - this.#baseAtStart);
  }
}
