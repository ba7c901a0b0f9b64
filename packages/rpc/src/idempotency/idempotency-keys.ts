import { type Call, type Code, callContext, isRpcError, type Layer, type RpcError } from '@org/rpc-core';
import {
  assertBoolean,
  assertFits,
  assertKnownOptions,
  assertNumber,
  randomId,
  rpcError,
} from '@org/rpc-core/internal';
import { claimOf, failureRecord, fingerprintOf, readRecord, resultRecord } from './idempotency-record.js';
import type { IdempotencyStore } from './idempotency-store.js';

/** The key of metadata, unless another one is given. */
const METADATA_KEY = 'idempotency-key';
const KEY_LENGTH_MAX = 256;
/** When a call that runs elsewhere may be asked for again, in milliseconds. */
const RETRY_AFTER_MS = 100;

/** How a server goes by keys. */
export interface IdempotencyKeysOptions {
  /** One for all instances of the service. */
  readonly store: IdempotencyStore;
  /** Methods that go by keys, such as `'orders.place'`. */
  readonly methods: readonly string[];
  /** How long the answer of a call is kept, in milliseconds, 1,000 to 2^31 - 1, default a day. */
  readonly ttlMs?: number | undefined;
  /** How long a call may run, in milliseconds, 1,000 to 2^31 - 1, default 60,000: after that it is taken for dead, and one of the same key runs. */
  readonly claimMs?: number | undefined;
  /** Whether a call without a key is refused (default false: it runs as if there were no keys). */
  readonly required?: boolean | undefined;
  /** The key of metadata that carries it, default `idempotency-key`. */
  readonly metadataKey?: string | undefined;
  /** Told when the store has failed after a handler has run. Default: a warning of the process. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** How a client gives keys. */
export interface IdempotentCallsOptions {
  /** Methods whose servers go by keys, such as `'orders.place'`. */
  readonly methods: readonly string[];
  /** The key of metadata that carries it, default `idempotency-key`. */
  readonly metadataKey?: string | undefined;
}

/** Answers of handlers, of which a repeat would get the same. After other codes the same call may go well. */
const KEPT: ReadonlySet<Code> = new Set([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'FAILED_PRECONDITION',
  'OUT_OF_RANGE',
]);

/**
 * A layer of a server: of calls with the same key one runs its handler, and the others get its answer, whichever instance they come to. A key belongs to
 * its method and caller (`peer.identity`), and to one list of arguments.
 *
 * Results are kept, and errors that are answers (`NOT_FOUND`, `FAILED_PRECONDITION` and their like). After any other error the key is free, and a repeat runs: a
 * handler must leave nothing half done then. Where the store cannot be reached nothing runs (`UNAVAILABLE`).
 * @throws TypeError for a wrong option, naming option, value and bound
 */
export function idempotencyKeys(options: IdempotencyKeysOptions): Layer {
  const where = 'idempotencyKeys';
  const known = ['store', 'methods', 'ttlMs', 'claimMs', 'required', 'metadataKey', 'onError'];
  assertKnownOptions(where, options, known);
  const { store, ttlMs = 86_400_000, claimMs = 60_000, required = false, metadataKey = METADATA_KEY } = options;
  const { onError = (error: unknown) => process.emitWarning(error instanceof Error ? error : String(error)) } = options;
  assertFits(where, 'store', 'an IdempotencyStore', store, typeof store?.begin === 'function');
  assertNumber(where, 'ttlMs', ttlMs, { min: 1_000, max: 2 ** 31 - 1 });
  assertNumber(where, 'claimMs', claimMs, { min: 1_000, max: 2 ** 31 - 1 });
  assertBoolean(where, 'required', required);
  const methods = methodNames(where, options.methods);

  const once = async (call: Call, given: string, next: (call: Call) => Promise<unknown>): Promise<unknown> => {
    const fingerprint = fingerprintOf(call);
    const key = JSON.stringify([call.service, call.method, callContext()?.peer.identity ?? '', given]);
    const claim = claimOf(fingerprint);
    const there = await store.begin(key, claim, claimMs).catch((error: unknown) => {
      throw refused('UNAVAILABLE', 'the store of idempotency keys cannot be reached', { cause: error });
    });
    if (there !== undefined) return answerOf(fingerprint, there);
    const kept = (operation: Promise<void>): Promise<void> => operation.catch(onError);
    try {
      const value = await next(call);
      await kept(store.finish(key, claim, resultRecord(fingerprint, value), ttlMs));
      return value;
    } catch (error) {
      const isAnswer = isRpcError(error) && error.service === undefined && KEPT.has(error.code);
      if (isAnswer) await kept(store.finish(key, claim, failureRecord(fingerprint, error), ttlMs));
      else await kept(store.release(key, claim));
      throw error;
    }
  };

  return (next) => async (call) => {
    if (call.oneWay || !methods.has(`${call.service}.${call.method}`)) return next(call);
    const given = call.metadata?.[metadataKey];
    if (given !== undefined && given.length <= KEY_LENGTH_MAX && given !== '') return once(call, given, next);
    if (given === undefined && !required) return next(call);
    throw refused('INVALID_ARGUMENT', `metadata "${metadataKey}" must be a text of 1 to ${KEY_LENGTH_MAX} characters`);
  };
}

/**
 * A layer of a client: gives each call a key of its own, the same for all its attempts, so that it may be repeated although its method is not idempotent. A
 * key that the call has in its metadata stays, for callers that repeat a call themselves.
 * @throws TypeError for a wrong option, naming option, value and bound
 */
export function idempotentCalls(options: IdempotentCallsOptions): Layer {
  const where = 'idempotentCalls';
  assertKnownOptions(where, options, ['methods', 'metadataKey']);
  const { metadataKey = METADATA_KEY } = options;
  const methods = methodNames(where, options.methods);
  return (next) => (call) => {
    if (!call.oneWay && methods.has(`${call.service}.${call.method}`)) {
      call.metadata = { [metadataKey]: randomId(), ...call.metadata };
      call.idempotent = true;
    }
    return next(call);
  };
}

function methodNames(where: string, methods: readonly string[]): ReadonlySet<string> {
  const isList = Array.isArray(methods) && methods.length > 0 && methods.every((name) => /^.+\..+$/.test(name));
  assertFits(where, 'methods', "a list of names such as 'orders.place'", methods, isList);
  return new Set(methods);
}

/** @throws RpcError that it answers with */
function answerOf(fingerprint: string, record: Uint8Array): unknown {
  const recorded = readRecord(fingerprint, record);
  switch (recorded.is) {
    case 'result':
      return recorded.value;
    case 'failure':
      throw recorded.error;
    case 'running':
      throw refused('UNAVAILABLE', 'a call with this idempotency key is running', { retryAfterMs: RETRY_AFTER_MS });
    default:
      throw refused('INVALID_ARGUMENT', 'this idempotency key was used for a call with other arguments');
  }
}

function refused(code: Code, reason: string, more: { retryAfterMs?: number; cause?: unknown } = {}): RpcError {
  return rpcError(code, reason, { progress: 'refused', ...more });
}
