/**
 * Closes on process signals, then ends the process unless somebody else listens to the signal too; where several servers of one
 * process do, the last that has closed ends it. A second signal ends it at
 * once.
 * @returns stops listening
 */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  close: (signal: NodeJS.Signals) => Promise<void>,
): () => void {
  let closing = false;
  const listener = (signal: NodeJS.Signals): void => {
    const areOurs = process.listeners(signal).every((each) => OURS in each);
    if (closing) {
      if (areOurs) process.exit(1);
      return;
    }
    closing = true;
    void close(signal).then(() => {
      stop();
      // Another server of this process may still be closing, and ends it when it has.
      if (areOurs && process.listenerCount(signal) === 0) process.exit();
    });
  };
  Object.defineProperty(listener, OURS, { value: true });
  const stop = (): void => {
    for (const signal of signals) process.off(signal, listener);
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    // While it closes, a second signal must still find a listener.
    if (!closing) stop();
  };
}

/** Marks the listeners of servers, also of another copy of this package. */
const OURS: unique symbol = Symbol.for('@org/rpc.signalListener') as never;
