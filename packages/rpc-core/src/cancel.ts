import { setMaxListeners } from 'node:events';

/** A signal that aborts when either of two others does. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Removes the listeners from both. Otherwise a long-lived parent would keep every child alive. */
  unlink(): void;
}

/** Links two signals by hand: `AbortSignal.any` leaks memory when one of them lives long. */
export function linkSignals(first: AbortSignal, second: AbortSignal): LinkedSignal {
  const controller = new AbortController();
  const onFirst = (): void => controller.abort(first.reason);
  const onSecond = (): void => controller.abort(second.reason);
  if (first.aborted) onFirst();
  else if (second.aborted) onSecond();
  else {
    allowManyCalls(first);
    allowManyCalls(second);
    first.addEventListener('abort', onFirst, { once: true });
    second.addEventListener('abort', onSecond, { once: true });
  }
  return {
    signal: controller.signal,
    unlink() {
      first.removeEventListener('abort', onFirst);
      second.removeEventListener('abort', onSecond);
    },
  };
}

/**
 * Allows any number of listeners on a signal: many calls may share it, and each removes its listener when it ends. Otherwise
 * Node.js would print a warning from the eleventh on.
 */
export function allowManyCalls(signal: AbortSignal): void {
  // Signals of other implementations have no such warning.
  if (signal instanceof EventTarget) setMaxListeners(0, signal);
}
