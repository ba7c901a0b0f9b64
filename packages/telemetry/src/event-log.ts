import { type EventObservation, observe } from '@org/rpc';

/** How much is written, from most to least. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** What is logged to: pino, or anything that has these methods in its way. */
export interface StructuredLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What of the events of clients and servers is logged. */
export interface EventLogOptions {
  readonly logger: StructuredLogger;
  /** The least important that is written (default `info`). The level of the logger itself holds besides. */
  readonly level?: LogLevel | undefined;
}

/** A log of events. */
export interface EventLog {
  /** The least important that is written; may be set at any time. */
  level: LogLevel;
  /** Ends it; may be called twice. */
  close(): void;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** What is of another importance than `info`. */
const IMPORTANCE: Readonly<Record<string, Exclude<LogLevel, 'silent'>>> = {
  handlerError: 'error',
  acceptError: 'error',
  authenticationFailed: 'warn',
  breakerOpened: 'warn',
  contractDiffers: 'warn',
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
  ruleWouldApply: 'debug',
  viewChanged: 'debug',
};

/**
 * Writes what clients and servers of this process tell (a breaker that opens, a handler that throws, rules that are applied) to a logger, each at a
 * level of its own. Calls are not looked at, and cost nothing; see `accessLog` for these.
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
  // A registry that answers again is news, and no trouble.
  if (name === 'registry') return (event as { kind?: string } | undefined)?.kind === 'recovered' ? 'info' : 'warn';
  return Object.hasOwn(IMPORTANCE, name) ? IMPORTANCE[name]! : 'info';
}

function position(level: LogLevel): number {
  const at = LEVELS.indexOf(level);
  if (at < 0) throw new TypeError(`eventLog: level must be one of ${LEVELS.join(', ')}, not ${String(level)}`);
  return at;
}
