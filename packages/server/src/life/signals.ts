/**
 * Closes on process signals, then ends the process unless somebody else listens to the signal too. A second signal ends it at
 * once.
 * @returns stops listening
 */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  close: (signal: NodeJS.Signals) => Promise<void>,
): () => void {
  let closing = false;
  const listener = (signal: NodeJS.Signals): void => {
    const isAlone = process.listenerCount(signal) <= 1;
    if (closing) {
      if (isAlone) process.exit(1);
      return;
    }
    closing = true;
    void close(signal).then(() => {
      stop();
      if (isAlone) process.exit();
    });
  };
  const stop = (): void => {
    for (const signal of signals) process.off(signal, listener);
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    // While it closes, a second signal must still find a listener.
    if (!closing) stop();
  };
}
