import type { Cancel, Clock } from './clock.js';

/** Connections and nodes are looked after this often, in milliseconds. */
const TICK_MS = 1000;

/**
 * Runs something about once a second, in the background, until it is cancelled. After a poll: what a busy process has not read
 * yet must not be held against the peer.
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
