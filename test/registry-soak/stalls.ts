/** How long this process has stood still because its machine was busy with others, or it with something else. */
export interface Stalls {
  /** In milliseconds, up to now. */
  readonly totalMs: number;
  /** The longest, in milliseconds. */
  readonly longestMs: number;
  stop(): void;
}

const TICK_MS = 10;

/** Watches from now on. */
export function watchStalls(): Stalls {
  let totalMs = 0;
  let longestMs = 0;
  let tickedAt = performance.now();
  const lateMs = (): number => Math.max(0, performance.now() - tickedAt - 2 * TICK_MS);
  const timer = setInterval(() => {
    const stalledMs = lateMs();
    totalMs += stalledMs;
    longestMs = Math.max(longestMs, stalledMs);
    tickedAt = performance.now();
  }, TICK_MS);
  return {
    get totalMs() {
      return totalMs + lateMs();
    },
    get longestMs() {
      return longestMs;
    },
    stop: () => clearInterval(timer),
  };
}
