import { type EventObservation, observe } from '@org/rpc';

/** How much is written, from most to least. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A logger: pino, or any logger with methods of this shape. */
export interface StructuredLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Options of {@link eventLog}. */
export interface EventLogOptions {
  readonly logger: StructuredLogger;
  /** The lowest level that is written (default `info`). The logger's own level applies too. */
  readonly level?: LogLevel | undefined;
}

/** A log of events. */
export interface EventLog {
  /** The lowest level that is written; may be set at any time. */
  level: LogLevel;
  /** Ends the log; may be called twice. */
  close(): void;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** Levels of the events that are not logged as `info`. */
const IMPORTANCE: Readonly<Record<string, Exclude<LogLevel, 'silent'>>> = {
  handlerError: 'error',
  acceptError: 'error',
  authenticationFailed: 'warn',
  breakerOpened: 'warn',
  contractDiffers: 'warn',
  dropped: 'warn',
  ejected: 'warn',
  endpointDown: 'warn',
  handlerOutlived: 'warn',
  limited: 'warn',
  rulesRejected: 'warn',
  connectionClosed: 'debug',
  connectionOpened: 'debug',
  fellBack: 'debug',
  hedged: 'debug',
  mirrored: 'debug',
  retried: 'debug',
  retriedLater: 'debug',
  ruleWouldApply: 'debug',
  viewChanged: 'debug',
};

/**
 * Writes the events of this process's clients and servers (a breaker opens, a handler throws, rules are applied) to a logger, each at its
 * own level. Calls are not logged and cost nothing more; see `accessLog` for calls.
 *
 * @throws TypeError for a wrong option
 * @example
 * ```ts
 * const log = eventLog({ logger: pino() });
 * process.on('SIGUSR2', () => {
 *   log.level = log.level === 'debug' ? 'info' : 'debug';
 * });
 * ```
 */
export function eventLog({ logger, level = 'info' }: EventLogOptions): EventLog {
  for (const name of LEVELS)
    if (name !== 'silent' && typeof logger?.[name] !== 'function')
      throw new TypeError(`eventLog: logger must have the method ${name}, as pino has`);
  let least = position(level);
  const watching = observe({
    event(told) {
      const importance = importanceOf(told);
      if (position(importance) < least) return;
      const { side, from, name, event } = told;
      const fields = typeof event === 'object' && event !== null ? event : {};
      logger[importance]({ ...fields, side, from, event: name }, `rpc ${side}: ${name}`);
    },
  });
  return {
    get level() {
      return LEVELS[least]!;
    },
    set level(wanted) {
      least = position(wanted);
    },
    close: () => watching.close(),
  };
}

function importanceOf({ name, event }: EventObservation): Exclude<LogLevel, 'silent'> {
  // A registry that answers again is good news, so no warning.
  if (name === 'registry') return (event as { kind?: string } | undefined)?.kind === 'recovered' ? 'info' : 'warn';
  return Object.hasOwn(IMPORTANCE, name) ? IMPORTANCE[name]! : 'info';
}

function position(level: LogLevel): number {
  const at = LEVELS.indexOf(level);
  if (at < 0) throw new TypeError(`eventLog: level must be one of ${LEVELS.join(', ')}, not ${String(level)}`);
  return at;
}
