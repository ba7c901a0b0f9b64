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
  /** Of a client: where the call went last. */
  readonly endpoint?: string | undefined;
  /** Of a client: how many attempts it took. */
  readonly attempts?: number | undefined;
  /** Of a server: who called. */
  readonly peer?: string | undefined;
  /** Of a server: how long the call waited before its handler began. */
  readonly waitedMs?: number | undefined;
  /** Items of a stream, both directions together. */
  readonly items?: number | undefined;
  /** The message of the error. */
  readonly error?: string | undefined;
  /** Of a client's call that had no time left, or no server: what was at fault. */
  readonly culprit?: CallPhase | undefined;
}

/** What is logged of calls. */
export interface AccessLogOptions {
  /** Gets each line: `(line) => logger.info(line)`. Must be quick. */
  readonly write: (line: CallLine, call: ObservedCall) => void;
  /** Which sides; default `both`. */
  readonly side?: 'client' | 'server' | 'both' | undefined;
  /** The share of calls that went well that is written, 0 to 1 (default 1). Those that failed are always written. */
  readonly sample?: number | undefined;
  /** Only calls that took at least so long, or failed; in milliseconds (default 0). */
  readonly slowerThanMs?: number | undefined;
  /** The source of chance; for tests. */
  readonly random?: Random | undefined;
}

/**
 * Writes a line for each call of this process that has ended.
 *
 * @returns whose `close` ends it
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
 * Writes a line for each call that took longer than that, and for none else, however it ended.
 *
 * @param options - `thresholdMs`: milliseconds, or a function of the call that gives them
 * @returns whose `close` ends it
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
