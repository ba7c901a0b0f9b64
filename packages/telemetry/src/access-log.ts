import {
  type CallPhase,
  type ObservedCall,
  type ObservedClientCall,
  type ObservedServerCall,
  observe,
  type Random,
  systemRandom,
} from '@org/rpc';
import { statusOf } from './names.js';

/** One line of a log of calls: plain data, without arguments, results or metadata. */
export interface CallLine {
  readonly side: 'client' | 'server';
  readonly service: string;
  readonly method: string;
  /** `OK`, or the code of the error. */
  readonly code: string;
  /** Rounded to hundredths. */
  readonly durationMs: number;
  /** On the client: the endpoint of the last attempt. */
  readonly endpoint?: string | undefined;
  /** On the client: the number of attempts. */
  readonly attempts?: number | undefined;
  /** On the server: who called. */
  readonly peer?: string | undefined;
  /** On the server: how long the call waited before its handler began. */
  readonly waitedMs?: number | undefined;
  /** Items of a stream, both directions together. */
  readonly items?: number | undefined;
  /** The message of the error. */
  readonly error?: string | undefined;
  /** On the client, for a call that ran out of time or found no server: what was at fault. */
  readonly culprit?: CallPhase | undefined;
}

/** Options of {@link accessLog}. */
export interface AccessLogOptions {
  /** Called with each line: `(line) => logger.info(line)`. Must be quick. */
  readonly write: (line: CallLine, call: ObservedCall) => void;
  /** Which side's calls are logged (default `both`). */
  readonly side?: 'client' | 'server' | 'both' | undefined;
  /** The share of successful calls that is written, 0 to 1 (default 1). Failed calls are always written. */
  readonly sample?: number | undefined;
  /** Writes only calls that took at least this long, or failed, in milliseconds (default 0). */
  readonly slowerThanMs?: number | undefined;
  /** The source of chance; for tests. */
  readonly random?: Random | undefined;
}

/**
 * Writes a line for each call of this process when it ends.
 *
 * @returns an object whose `close` ends the log
 * @throws TypeError for a wrong option
 * @example
 * ```ts
 * const logger = pino();
 * accessLog({ write: (line) => logger.info(line), sample: 0.01 });
 * ```
 */
export function accessLog(options: AccessLogOptions): { close(): void } {
  const { write, side = 'both', sample = 1, slowerThanMs = 0, random = systemRandom } = options;
  if (typeof write !== 'function') throw new TypeError('accessLog: write must be a function that gets each line');
  if (!['client', 'server', 'both'].includes(side))
    throw new TypeError(`accessLog: side must be 'client', 'server' or 'both', not ${String(side)}`);
  if (!(sample >= 0 && sample <= 1)) throw new TypeError(`accessLog: sample must be 0 to 1, not ${String(sample)}`);
  if (!(slowerThanMs >= 0))
    throw new TypeError(`accessLog: slowerThanMs must be 0 or more, not ${String(slowerThanMs)}`);
  const ended = (call: ObservedClientCall | ObservedServerCall): void => {
    if (call.error === undefined && ((call.durationMs ?? 0) < slowerThanMs || (sample < 1 && random() >= sample)))
      return;
    write(lineOf(call), call);
  };
  return observe({
    client: (told) => {
      if (side !== 'server' && told.type === 'callEnd') ended(told.call);
    },
    server: (told) => {
      if (side !== 'client' && told.type === 'callEnd') ended(told.call);
    },
  });
}

/**
 * Writes a line for each call that took longer than a threshold, however it ended, and for no other call.
 *
 * @param options - `thresholdMs`: the threshold in milliseconds, or a function of the call that returns it
 * @returns an object whose `close` ends the log
 * @throws TypeError for a wrong option
 */
export function slowCalls(options: {
  readonly thresholdMs: number | ((call: ObservedCall) => number);
  readonly write: (line: CallLine, call: ObservedCall) => void;
}): { close(): void } {
  const { thresholdMs, write } = options;
  if (typeof thresholdMs !== 'function' && !(thresholdMs >= 0))
    throw new TypeError(`slowCalls: thresholdMs must be 0 or more, or a function, not ${String(thresholdMs)}`);
  const limit = typeof thresholdMs === 'function' ? thresholdMs : () => thresholdMs;
  const ended = (call: ObservedClientCall | ObservedServerCall): void => {
    if ((call.durationMs ?? 0) > limit(call)) write(lineOf(call), call);
  };
  return observe({
    client: (told) => {
      if (told.type === 'callEnd') ended(told.call);
    },
    server: (told) => {
      if (told.type === 'callEnd') ended(told.call);
    },
  });
}

function lineOf(call: ObservedClientCall | ObservedServerCall): CallLine {
  const { side, service, method, durationMs = 0, error } = call;
  const items = call.itemsSent + call.itemsReceived;
  return {
    side,
    service,
    method,
    code: statusOf(call),
    durationMs: rounded(durationMs),
    ...(call.side === 'client' ? { endpoint: call.endpoint, attempts: call.attempts.length } : {}),
    ...(call.side === 'server' ? { peer: call.peer.address } : {}),
    ...(call.side === 'server' && call.waitedMs !== undefined ? { waitedMs: rounded(call.waitedMs) } : {}),
    ...(items > 0 ? { items } : {}),
    ...(error === undefined ? {} : { error: error.message }),
    ...(error?.spent === undefined ? {} : { culprit: error.spent.culprit }),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
