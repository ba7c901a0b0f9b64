import type { Cancel, Clock } from './clock.js';

/** How often connections and nodes are checked, in milliseconds. */
const TICK_MS = 1000;

/**
 * Runs a function about once a second, in the background, until it is cancelled. It runs after the sockets were polled, so that a
 * peer is not blamed for bytes that a busy process has not read yet.
 */
export function everySecond(clock: Clock, run: (now: number) => void): Cancel {
  let cancelTimer: Cancel;
  let isCancelled = false;
  const arm = (): void => {
    cancelTimer = clock.schedule(
      TICK_MS,
      () => {
        arm();
        clock.afterPoll(() => {
          if (!isCancelled) run(clock.now());
        });
      },
      true,
    );
  };
  arm();
  return () => {
    isCancelled = true;
    cancelTimer();
  };
}
