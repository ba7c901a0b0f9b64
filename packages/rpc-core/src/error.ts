import { type Code, isCode } from './code.js';
import type { Trial } from './destination.js';
import type { Explanation } from './explanation.js';
import type { LimitedBy, TimeLimit } from './time-limit.js';
import type { DownstreamCall, PhaseTimes, TimeSpent } from './time-spent.js';

/**
 * How far a call got, as far as this process knows. This decides whether the call is safe to repeat.
 *
 * - `unsent`: no byte of it left this process.
 * - `refused`: the server answered that no handler ever started (draining, overloaded, not authorized, unknown method).
 * - `maybe-processed`: it was sent and no answer came; the handler may have run, be running, or never have started.
 * - `processed`: the handler ran and this is its answer.
 */
export type Progress = 'unsent' | 'refused' | 'maybe-processed' | 'processed';

/** One attempt of a call, as told in {@link RpcError.attempts}. */
export interface AttemptRecord {
  /** `host:port` of the endpoint, or `''` when none was chosen. */
  readonly endpoint: string;
  /** The id of the instance there; `undefined` when none was chosen. */
  readonly instance?: string | undefined;
  /** Why the instance had been left out, if the attempt was the trial of it. */
  readonly trial?: Trial | undefined;
  /** From the choice of the endpoint to its outcome, in milliseconds. */
  readonly durationMs: number;
  readonly code: Code;
  readonly progress: Progress;
  /** Where its time went, in milliseconds. */
  readonly phases?: Readonly<PhaseTimes> | undefined;
  /** The call that its handler waited for while its time ran out, as far as its server has said; `undefined` for none. */
  readonly downstream?: DownstreamCall | undefined;
}

/** What a handler may add to an {@link RpcError} that it throws. */
export interface RpcErrorOptions {
  /** Any value that the codec can carry; reaches the caller as {@link RpcError.details}. */
  readonly details?: unknown;
  /** When to try again, in milliseconds from now; a caller's retries honour it. */
  readonly retryAfterMs?: number | undefined;
  /** The cause of the error. It stays in this process and is never sent. */
  readonly cause?: unknown;
}

/** The facts of a call that this library attaches to its errors. Not part of the public constructor. */
export interface CallFacts {
  service?: string | undefined;
  method?: string | undefined;
  endpoint?: string | undefined;
  progress?: Progress | undefined;
  attempts?: readonly AttemptRecord[] | undefined;
  /** See {@link RpcError.final}. */
  final?: boolean | undefined;
  /** `false`: without a stack, which is most of what an error costs. For refusals, of which a server makes most when it has least time. */
  hasStack?: boolean | undefined;
}

const BRAND: unique symbol = Symbol.for('@org/rpc.RpcError') as never;

/**
 * The one error of this library: every failed call rejects with it, and a handler throws it to answer with a code.
 *
 * @example
 * ```ts
 * throw new RpcError('NOT_FOUND', 'no such user', { details: { id } });
 * ```
 */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  /** What kind of failure it is: one of the canonical gRPC names. */
  readonly code: Code;
  /**
   * The text without the code, as the thrower wrote it. {@link Error.message} is `CODE: reason`, and for an error that came out of a
   * call `CODE: reason (service.method at host:port)`, unless the reason itself names these.
   */
  readonly reason: string;
  /** The details that the handler added; `undefined` when none. */
  readonly details: unknown;
  /** Wait at least this long before trying again, in milliseconds; `undefined` when the server did not say. */
  readonly retryAfterMs: number | undefined;
  /** The called service; `undefined` on an error that did not come out of a call. */
  service: string | undefined;
  /** The called method; `undefined` on an error that did not come out of a call. */
  method: string | undefined;
  /** The name of the client that made the call, if it was given one (`createClient({ name })`). */
  caller: string | undefined;
  /** `host:port` of the last endpoint tried; `undefined` when no attempt was made. */
  endpoint: string | undefined;
  /** The id of the instance there, as `rpc ls` and the console name it; `undefined` when no attempt was made. */
  instance: string | undefined;
  /** How far the last attempt got. */
  progress: Progress;
  /** Every attempt in order, the last one included. */
  attempts: readonly AttemptRecord[];
  /** Where the time of the call went, for `DEADLINE_EXCEEDED`, `UNAVAILABLE`, and `CANCELLED` because the time of the call being served was over; `undefined` for other codes, and for what a handler passes on. */
  spent: TimeSpent | undefined;
  /** Which time was over, and who has set it, for `DEADLINE_EXCEEDED` of a call that was sent or waited, and `CANCELLED` because the time of the call being served was over; `undefined` otherwise. */
  timeLimit: TimeLimit | undefined;
  /** Which limit of this client has refused the call, for `RESOURCE_EXHAUSTED` of one that was not sent; `undefined` otherwise. */
  limitedBy: LimitedBy | undefined;
  /** Which nodes each attempt found, in order, and which it took; `undefined` unless the call's option `explain` asked for it. */
  explanations: readonly Explanation[] | undefined;
  /** @internal Whether this process was busy and noticed the expiry late: then it is not the server's fault. */
  late: boolean;
  /** @internal Whether another attempt would end in the same way: the handler has run, and its answer cannot be taken. */
  final: boolean;
  /** @internal The connection was lost while the call was in flight: the server may be gone. */
  lost: boolean;
  /** @internal Its server says so: it has ended the call because the time of it was over. These are not the words of a handler. */
  expired: boolean;
  /** @internal */
  readonly [BRAND] = true;

  /**
   * @param code - one of {@link Code}
   * @param reason - one sentence: what happened and what to do
   * @throws TypeError when the code is not one of {@link Code}
   */
  constructor(code: Code, reason: string, options: RpcErrorOptions = {}) {
    if (!isCode(code))
      throw new TypeError(`RpcError: unknown code ${JSON.stringify(code)}; use one such as 'NOT_FOUND'`);
    super(`${code}: ${reason}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = reason;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
    this.service = undefined;
    this.method = undefined;
    this.caller = undefined;
    this.endpoint = undefined;
    this.instance = undefined;
    this.progress = 'processed';
    this.attempts = NO_ATTEMPTS;
    this.spent = undefined;
    this.timeLimit = undefined;
    this.limitedBy = undefined;
    this.explanations = undefined;
    this.late = false;
    this.final = false;
    this.lost = false;
    this.expired = false;
  }
}

const NO_ATTEMPTS: readonly AttemptRecord[] = Object.freeze([]);

/** Makes one of this library's own errors: like the constructor, with how far the call got. */
export function rpcError(code: Code, reason: string, facts: CallFacts & RpcErrorOptions = {}): RpcError {
  const error = facts.hasStack === false ? withoutStack(code, reason, facts) : new RpcError(code, reason, facts);
  error.progress = facts.progress ?? 'unsent';
  error.service = facts.service;
  error.method = facts.method;
  error.endpoint = facts.endpoint;
  if (facts.attempts) error.attempts = facts.attempts;
  if (facts.final) error.final = true;
  return error;
}

function withoutStack(code: Code, reason: string, facts: RpcErrorOptions): RpcError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new RpcError(code, reason, facts);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/**
 * Whether a caught value is an {@link RpcError}, and, if `code` is given, has this code.
 * Works across two copies of this package, which `instanceof` does not.
 */
export function isRpcError(value: unknown, code?: Code): value is RpcError {
  if (typeof value !== 'object' || value === null || (value as Record<symbol, unknown>)[BRAND] !== true) return false;
  return code === undefined || (value as RpcError).code === code;
}
