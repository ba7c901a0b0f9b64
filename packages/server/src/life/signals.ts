import { constants } from 'node:os';
import { assertFits, assertKnownOptions, assertList } from '@org/rpc-core/internal';
import { assertStopTimes } from './drain.js';

/** The process signals on which a server drains and closes, and how long that may take. */
export interface SignalOptions {
  /** Default: `['SIGTERM', 'SIGINT']`. */
  readonly names?: readonly NodeJS.Signals[] | undefined;
  /** As {@link CloseOptions.drainMs}. */
  readonly drainMs?: number | undefined;
  /** As {@link CloseOptions.graceMs}. */
  readonly graceMs?: number | undefined;
}

/** {@link SignalOptions} with names; without any, no signal is handled. */
export interface ResolvedSignals extends SignalOptions {
  readonly names: readonly NodeJS.Signals[];
}

/** Checks the option, which may be just the names, and fills in the defaults. @throws TypeError naming option, value and bound */
export function resolveSignals(
  where: string,
  signals: readonly NodeJS.Signals[] | SignalOptions | undefined,
): ResolvedSignals {
  if (signals === undefined) return { names: [] };
  const isList = Array.isArray(signals);
  const isEither = isList || (typeof signals === 'object' && signals !== null);
  assertFits(where, 'signals', 'a list of signals, or { names, drainMs, graceMs }', signals, isEither);
  const options: SignalOptions = isList ? { names: signals } : (signals as SignalOptions);
  const names = isList ? 'signals' : 'signals.names';
  if (!isList) assertKnownOptions(`${where}: signals`, options, ['names', 'drainMs', 'graceMs']);
  const deadly = Array.isArray(options.names)
    ? options.names.find((name) => name === 'SIGKILL' || name === 'SIGSTOP')
    : undefined;
  if (deadly !== undefined)
    throw new TypeError(
      `${where}: ${names} must not hold "${deadly}": no process can catch it; use "SIGTERM", "SIGINT"`,
    );
  assertList(where, names, 'the signals of this system, such as "SIGTERM"', options.names, isSignal);
  assertStopTimes(`${where}: signals`, options);
  return { ...options, names: options.names ?? ['SIGTERM', 'SIGINT'] };
}

function isSignal(name: unknown): boolean {
  return typeof name === 'string' && Object.hasOwn(constants.signals, name);
}

/**
 * Closes the server on process signals, then ends the process, unless other code listens to the signal too. If several servers of the
 * process listen, the last one to close ends it. A second signal ends the process at once.
 * @param isSecondIgnored - for a worker: its primary ends it when it must end at once
 * @returns a function that stops listening
 */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  close: (signal: NodeJS.Signals) => Promise<void>,
  isSecondIgnored = false,
): () => void {
  let closing = false;
  const listener = (signal: NodeJS.Signals): void => {
    const areOurs = process.listeners(signal).every((each) => OURS in each);
    if (closing) {
      if (areOurs && !isSecondIgnored) process.exit(1);
      return;
    }
    closing = true;
    void close(signal).then(() => {
      stop();
      // Another server of this process may still be closing, and ends the process when it has closed.
      if (areOurs && process.listenerCount(signal) === 0) process.exit();
    });
  };
  Object.defineProperty(listener, OURS, { value: true });
  const stop = (): void => {
    for (const signal of signals) process.off(signal, listener);
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    // While the server closes, a second signal must still find a listener.
    if (!closing) stop();
  };
}

/** Marks the signal listeners of servers, including those of another copy of this package. */
const OURS: unique symbol = Symbol.for('@org/rpc.signalListener') as never;
