/** A signal that aborts when either of two does, and the way to let go of both. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Takes the listeners off again. A long-lived parent would otherwise keep every child. */
  unlink(): void;
}

/** Links two signals by hand: `AbortSignal.any` leaks where one of them lives long. */
export function linkSignals(first: AbortSignal, second: AbortSignal): LinkedSignal {
  const controller = new AbortController();
  const onFirst = (): void => controller.abort(first.reason);
  const onSecond = (): void => controller.abort(second.reason);
  if (first.aborted) onFirst();
  else if (second.aborted) onSecond();
  else {
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
