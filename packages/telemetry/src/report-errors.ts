import { type Clock, observe, systemClock } from '@org/rpc';

/** Where a reported error comes from. */
export interface ErrorContext {
  readonly service: string;
  readonly method: string;
  /** The id that the caller got instead of the error. */
  readonly correlationId: string;
  /** The id of the server's instance. */
  readonly instance: string;
  /** How many errors since the last report were not reported, because of `perMinute`. */
  readonly suppressed: number;
}

/** Options of {@link reportErrors}. */
export interface ReportErrorsOptions {
  /** Called with each error: `(error, context) => Sentry.captureException(error, { extra: { ...context } })`. Must be quick. */
  readonly report: (error: unknown, context: ErrorContext) => void;
  /** At most this many errors are reported per minute, 1 to 100,000 (default 60): a bug in a busy handler must not flood the receiver. */
  readonly perMinute?: number | undefined;
  /** The source of time; for tests. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
}

const MINUTE_MS = 60_000;

/**
 * Passes on errors that handlers of this process throw and that their callers must not see, for Sentry and similar services. Calls are not
 * observed and cost nothing more.
 *
 * @returns an object whose `close` stops it; may be called twice
 * @throws TypeError for a wrong option
 */
export function reportErrors(options: ReportErrorsOptions): { close(): void } {
  const { report, perMinute = 60, clock = systemClock } = options;
  if (typeof report !== 'function') throw new TypeError('reportErrors: report must be a function that gets each error');
  if (!(Number.isInteger(perMinute) && perMinute >= 1 && perMinute <= 100_000))
    throw new TypeError(`reportErrors: perMinute must be a whole number of 1 to 100,000, not ${String(perMinute)}`);
  let from = clock.now();
  let count = 0;
  let suppressed = 0;
  return observe({
    event({ name, event, from: instance }) {
      if (name !== 'handlerError') return;
      const at = clock.now();
      if (at - from >= MINUTE_MS) {
        from = at;
        count = 0;
      }
      if (++count > perMinute) {
        suppressed++;
        return;
      }
      const { service, method, error, correlationId } = event as { error: unknown } & Omit<ErrorContext, 'suppressed'>;
      const left = suppressed;
      suppressed = 0;
      report(error, { service, method, correlationId, instance, suppressed: left });
    },
  });
}
