/** Stops what was scheduled; harmless when it already ran. */
export type Cancel = () => void;

/**
 * Time as a parameter. Everything that waits or measures takes one, so that balancers, breakers, budgets, limiters and
 * registries run unchanged on the virtual clock of the test kit.
 */
export interface Clock {
  /** Monotonic milliseconds, with fractions; only differences mean something. */
  now(): number;
  /** Milliseconds since 1970, for people and for protocols that demand it; it may jump. Never for measuring. */
  wallNow(): number;
  /**
   * Runs `run` once after `delayMs` (0 to 2^31 - 1).
   * @param background - true when nobody waits for it (keepalive, housekeeping): it does not keep the process alive.
   */
  schedule(delayMs: number, run: () => void, background?: boolean): Cancel;
  /** Runs `run` after the sockets were polled once, so that bytes now in their buffers are read first. */
  afterPoll(run: () => void): void;
}

const DELAY_MAX_MS = 2 ** 31 - 1;

/** The real clock of the process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  schedule(delayMs, run, background = false) {
    // Node.js fires a timer of more than 2^31 - 1 ms after 1 ms.
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), DELAY_MAX_MS));
    if (background) timer.unref();
    return () => clearTimeout(timer);
  },
  afterPoll: (run) => {
    setImmediate(run);
  },
};
