import { assertFits, assertKnownOptions, assertNumber } from '../check.js';
import { type Clock, systemClock } from '../clock.js';
import { isRpcError, RpcError } from '../error.js';
import type { Call, Layer, Service } from '../service.js';
import { waitFor } from '../wait.js';
import { type CallKey, callKey } from './call-key.js';
import { methodFilter } from './method-filter.js';
import { packed, unpacked } from './packed.js';

/** Which calls share an answer. */
export interface CoalesceOptions {
  /** Methods whose calls may share an answer, such as `'catalog.find'`. Default: idempotent methods. */
  readonly methods?: readonly string[] | undefined;
  /** Which calls are the same. Default: same method, arguments, metadata (without traces) and, while serving a call, same caller. */
  readonly key?: CallKey | undefined;
  /** The most calls that wait for one, 1 to 1,000,000, default 1,000; further calls are made by themselves. */
  readonly maxWaiting?: number | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
}

/** A call that others wait for. `ended` resolves with its outcome, and never rejects. */
interface Leading {
  readonly ended: Promise<Ending>;
  waiting: number;
}

type Ending = { readonly bytes: Buffer | undefined } | { readonly error: unknown };

/**
 * Merges calls that are the same: those that come while the first is in flight wait and get a copy of its result or error. Each call keeps its
 * own deadline and signal: a waiting call ends when its time is up, and when the first is given up or its time is up, the next is made instead.
 * @throws TypeError for a wrong option, naming option, value and bound
 * @example
 * ```ts
 * const client = createClient({ layers: { unary: [coalesce()], stream: [] } });
 * ```
 */
export function coalesce(options: CoalesceOptions = {}): Layer {
  const where = 'coalesce';
  assertKnownOptions(where, options, ['methods', 'key', 'maxWaiting', 'clock']);
  const { methods, key = callKey, maxWaiting = 1_000, clock = systemClock } = options;
  assertNumber(where, 'maxWaiting', maxWaiting, { min: 1, max: 1_000_000, integer: true });
  assertFits(where, 'key', 'a function', key, typeof key === 'function');
  const isWanted = methods === undefined ? ({ idempotent }: Call) => idempotent : methodFilter(where, methods);
  const leading = new Map<string, Leading>();

  return (next) => {
    const lead = (call: Call, name: string): Promise<unknown> => {
      const result = next(call);
      const leave = (): void => {
        if (leading.get(name) === own) leading.delete(name);
      };
      const ended = result.then(
        (value): Ending => {
          leave();
          // Packed now, because the caller may change the value. For most calls nobody waits.
          return { bytes: own.waiting > 0 ? packed(value) : undefined };
        },
        (error: unknown): Ending => {
          leave();
          return { error };
        },
      );
      const own: Leading = { ended, waiting: 0 };
      leading.set(name, own);
      return result;
    };
    const share: Service = async (call) => {
      const name = isWanted(call) && !call.oneWay ? key(call) : undefined;
      if (name === undefined) return next(call);
      for (;;) {
        const first = leading.get(name);
        if (first === undefined) return lead(call, name);
        if (first.waiting >= maxWaiting) return next(call);
        first.waiting++;
        const waiting = waitFor<Ending>(clock, call, 'the answer to the same call', () => first.waiting--);
        void first.ended.then(waiting.done);
        const ending = await waiting.promise;
        // A result that cannot be copied is requested again.
        if ('bytes' in ending) return ending.bytes === undefined ? next(call) : unpacked(ending.bytes);
        // Otherwise the first waiting call is made instead, and the others wait for that one.
        if (!isOfFirst(ending.error)) throw copyOf(ending.error);
      }
    };
    return share;
  };
}

/** Whether an error concerns only the call that was made: it was given up, or had less time. */
function isOfFirst(error: unknown): boolean {
  return isRpcError(error) && (error.code === 'CANCELLED' || error.code === 'DEADLINE_EXCEEDED');
}

/** Copies an error, because an error belongs to one call and is changed on its way to the caller. */
function copyOf(error: unknown): unknown {
  if (!isRpcError(error)) return error;
  const { code, reason, details, retryAfterMs } = error;
  const copy = new RpcError(code, reason, { details, retryAfterMs, cause: error });
  copy.progress = error.progress;
  copy.service = error.service;
  copy.method = error.method;
  copy.endpoint = error.endpoint;
  copy.attempts = error.attempts;
  return copy;
}
