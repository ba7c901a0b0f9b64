import {
  type Clock,
  isRpcError,
  type Random,
  type RpcError,
  type ServiceDefinition,
  type ServiceHandlers,
  systemClock,
  systemRandom,
} from '@org/rpc-core';
import {
  assertBoolean,
  assertFits,
  assertKnownOptions,
  assertNumber,
  assertObject,
  rpcError,
} from '@org/rpc-core/internal';
import { assertCallbackContract } from './callback-contract.js';
import type { CallbackItem } from './callback-items.js';
import { type CallbackHandlers, CallbackRunner } from './callback-runner.js';

/** How a client answers calls of its server. */
export interface AnswerCallbacksOptions {
  /** The most calls that run at once, 1 to 65,535, default 64: until one of them ends, nothing more is read of the server. */
  readonly max?: number | undefined;
  /**
   * Whether the stream is opened again, at any server, after it was lost, or its server drains (default true): after up to 100 ms, then up to
   * twice as long each time, at most 10 s. What was called meanwhile is gone.
   */
  readonly reopen?: boolean | undefined;
  /** Told each time that the stream has been lost and will be opened again, with why: what happened meanwhile must be asked for. */
  readonly onLost?: ((error: RpcError) => void) | undefined;
  /** Told what a handler threw that its caller does not see. Default: a warning of the process. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
  /** For tests. */
  readonly random?: Random | undefined;
}

/** A client that answers calls of its server, until it is closed. */
export interface AnsweringCallbacks {
  /**
   * Resolves when it was closed, or the server has ended the stream; rejects with the `RpcError` for which it is not opened again, such as `UNIMPLEMENTED` of a
   * server that does not know the method, or `PERMISSION_DENIED`.
   */
  readonly ended: Promise<void>;
  /** Ends it: handlers that run see their signal abort. Idempotent. */
  close(): void;
}

/** After these the next attempt may go well; everything else would end in the same way. */
const REOPENED: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'RESOURCE_EXHAUSTED',
  'CANCELLED',
  'ABORTED',
]);
const BACKOFF_BASE_MS = 100;
const BACKOFF_MAX_MS = 10_000;
/** A stream that lasted so long has worked. */
const WORKED_MS = 1_000;

/**
 * Opens this client for calls of its server, over the connection that it has: `open` opens the stream, with whatever arguments and options, and the calls that
 * come over it are answered by `handlers`. A handler runs in a call context with deadline and signal. What it throws unexpectedly its caller
 * does not see. One handler at a time may be started for a server that sends nonsense or too much: it is held back, and costs its stream alone.
 * @param open - such as `(answers) => prices.watch(answers, 'tea')`
 * @throws TypeError for a contract with streams, a handler that is missing, a wrong option
 * @example
 * ```ts
 * const answering = answerCallbacks((answers) => prices.watch(answers, 'tea'), Watcher, {
 *   changed: (topic, price) => show(topic, price),
 * });
 * answering.close();
 * ```
 */
export function answerCallbacks<D extends ServiceDefinition<object>>(
  open: (answers: AsyncIterable<CallbackItem>) => AsyncIterable<CallbackItem>,
  definition: D,
  handlers: NoInfer<ServiceHandlers<D>>,
  options: AnswerCallbacksOptions = {},
): AnsweringCallbacks {
  const where = 'answerCallbacks';
  assertFits(where, 'the first parameter', 'a function that opens the stream', open, typeof open === 'function');
  assertCallbackContract(where, definition);
  assertObject(where, 'handlers', handlers);
  assertKnownOptions(where, options, ['max', 'reopen', 'onLost', 'onError', 'clock', 'random']);
  const { max = 64, reopen = true, onLost, clock = systemClock, random = systemRandom } = options;
  const { onError = (error: unknown) => process.emitWarning(error instanceof Error ? error : String(error)) } = options;
  assertNumber(where, 'max', max, { min: 1, max: 65_535, integer: true });
  assertBoolean(where, 'reopen', reopen);
  const own: Record<string, (...args: never[]) => unknown> = {};
  for (const method of Object.keys(definition.methods)) {
    const run: unknown = (handlers as Record<string, unknown>)[method];
    if (typeof run !== 'function')
      throw new TypeError(`${where}: a handler for ${definition.name}.${method} is missing`);
    own[method] = run.bind(handlers);
  }
  const serve: CallbackHandlers = { definition, own, max, clock, onError };
  return keepOpen(() => new CallbackRunner(serve), open, { reopen, onLost, clock, random });
}

/** What decides whether and when a stream is opened again. */
type Reopening = Required<Pick<AnswerCallbacksOptions, 'onLost'>> & {
  readonly reopen: boolean;
  readonly clock: Clock;
  readonly random: Random;
};

/** Opens the stream, and opens it again when it was lost. */
function keepOpen(
  createRunner: () => CallbackRunner,
  open: (answers: AsyncIterable<CallbackItem>) => AsyncIterable<CallbackItem>,
  { reopen, onLost, clock, random }: Reopening,
): AnsweringCallbacks {
  let isClosed = false;
  let stop = (): void => {};

  /** @returns why it ended; `undefined` when its server has ended it */
  const once = async (): Promise<RpcError | undefined> => {
    const runner = createRunner();
    try {
      const asks = open(runner.answers())[Symbol.asyncIterator]();
      stop = () => {
        runner.close('the client was closed');
        void asks.return?.();
      };
      await runner.run(asks);
      return undefined;
    } catch (error) {
      return isRpcError(error)
        ? error
        : rpcError('INTERNAL', String((error as Error)?.message ?? error), { cause: error });
    } finally {
      runner.close('the stream has ended');
    }
  };

  const go = async (): Promise<void> => {
    for (let failures = 0; !isClosed; failures++) {
      const openedAt = clock.now();
      const error = await once();
      if (isClosed || error === undefined) return;
      if (!reopen || !REOPENED.has(error.code)) throw error;
      if (clock.now() - openedAt >= WORKED_MS) failures = 0;
      onLost?.(error);
      const delayMs = random() * Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(failures, 10));
      await new Promise<void>((resolve) => {
        const cancel = clock.schedule(delayMs, resolve, true);
        stop = () => {
          cancel();
          resolve();
        };
      });
    }
  };

  const ended = go();
  // Who does not wait for the end is not to lose the process by it.
  ended.catch(() => {});
  return {
    ended,
    close: () => {
      isClosed = true;
      stop();
    },
  };
}
