import type { Cancel, Clock } from '@org/rpc-core';

/** Work that is done again and again, never twice at once. */
export interface Rounds {
  /** Begins a round now, or as soon as the running one is over. Resolves when that round is done, or after `stop`. */
  request(): Promise<void>;
  /** Something may have changed: a round begins soon. Many hints in a row cause few rounds. */
  hint(): void;
  /** No round begins any more. Resolves when the running one is over. */
  stop(): Promise<void>;
}

/** What a loop of rounds does, and how often. */
export interface RoundsOptions {
  readonly clock: Clock;
  /** One round. It should not reject: a rejection is reported as a warning of the process. */
  readonly run: () => Promise<void>;
  /** Asked after each round: milliseconds until the next one, `Infinity` for none until it is asked for. */
  readonly pauseMs: () => number;
}

/** Makes a loop that rests until its first request. While it waits it does not keep the process alive. */
export function createRounds({ clock, run, pauseMs }: RoundsOptions): Rounds {
  let running: Promise<void> | undefined;
  let following: Promise<void> | undefined;
  let cancelNext: Cancel | undefined;
  let nextAt = Number.POSITIVE_INFINITY;
  let lastMs = 0;
  let isStopped = false;
  let isHinted = false;

  const begin = async (): Promise<void> => {
    cancelNext?.();
    nextAt = Number.POSITIVE_INFINITY;
    isHinted = false;
    const startedAt = clock.now();
    try {
      await run();
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
    lastMs = clock.now() - startedAt;
    running = undefined;
    if (isStopped || following !== undefined) return;
    schedule(Math.max(pauseMs(), lastMs * REST_FACTOR));
    if (isHinted) hint();
  };

  const schedule = (delayMs: number): void => {
    if (delayMs === Number.POSITIVE_INFINITY) return;
    cancelNext?.();
    nextAt = clock.now() + delayMs;
    cancelNext = clock.schedule(delayMs, () => void request(), true);
  };

  const request = (): Promise<void> => {
    if (isStopped) return running ?? Promise.resolve();
    if (running === undefined) {
      running = begin();
      return running;
    }
    following ??= running.then(() => {
      following = undefined;
      return request();
    });
    return following;
  };

  const hint = (): void => {
    isHinted = true;
    if (isStopped || running !== undefined) return;
    const delayMs = Math.max(HINT_MS, lastMs * HINT_REST_FACTOR);
    if (clock.now() + delayMs < nextAt) schedule(delayMs);
  };

  return {
    request,
    hint,
    stop() {
      isStopped = true;
      cancelNext?.();
      return running ?? Promise.resolve();
    },
  };
}

/** Changes within this time after a hint, in milliseconds, are handled in the same round. */
const HINT_MS = 10;
/** After a long round the pause is nine times as long as the round was; after a requested one, twice as long. */
const REST_FACTOR = 9;
const HINT_REST_FACTOR = 2;
