import { type Clock, callContext, type ServiceDefinition, systemClock } from '@org/rpc-core';
import { assertFits, assertKnownOptions, assertNumber, rpcError } from '@org/rpc-core/internal';
import { CallbackCaller, type Caller } from './callback-caller.js';
import { assertCallbackContract } from './callback-contract.js';
import type { CallbackItem, CallbackStream } from './callback-items.js';

/** What bounds the calls to each client. */
export interface CallingBackOptions {
  /** The most calls whose answer is awaited, 1 to 65,535, default 64; no more than the client takes. */
  readonly max?: number | undefined;
  /** The most calls that wait to be sent, 0 to 65,535, default 1,000; beyond it a call fails with `RESOURCE_EXHAUSTED`. */
  readonly queue?: number | undefined;
  /** The time of a call whose method says none, in milliseconds, 1 to 2^31 - 1, default 1,000. */
  readonly timeoutMs?: number | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
}

/**
 * The handler of a method that is declared as `duplex<CallbackStream<...>>()`: `run` gets the client that has opened it, which it may call until it
 * returns or the client has left (`caller.closed`). When it returns, the stream ends after the last answer; when it throws, with that error. When the
 * server drains, no more calls are taken and the client opens itself at another server.
 * @throws TypeError for a contract that has streams, or a wrong option
 * @example
 * ```ts
 * server.add(Prices, {
 *   watch: callingBack(Watcher, async (caller, topic) => {
 *     const stop = onChange(topic, (price) => caller.calls.changed(topic, price));
 *     caller.closed.addEventListener('abort', stop, { once: true });
 *     await once(caller.closed, 'abort');
 *   }),
 * });
 * ```
 */
export function callingBack<D extends ServiceDefinition<object>, A extends readonly unknown[]>(
  definition: D,
  run: (caller: Caller<D>, ...args: A) => void | Promise<void>,
  options: CallingBackOptions = {},
): CallbackStream<A> {
  const where = 'callingBack';
  assertCallbackContract(where, definition);
  assertFits(where, 'the second parameter', 'a function', run, typeof run === 'function');
  assertKnownOptions(where, options, ['max', 'queue', 'timeoutMs', 'clock']);
  const { max = 64, queue = 1_000, timeoutMs = 1_000, clock = systemClock } = options;
  assertNumber(where, 'max', max, { min: 1, max: 65_535, integer: true });
  assertNumber(where, 'queue', queue, { min: 0, max: 65_535, integer: true });
  assertNumber(where, 'timeoutMs', timeoutMs, { min: 1, max: 2 ** 31 - 1 });
  return async function* (answers, ...args): AsyncGenerator<CallbackItem> {
    const caller = new CallbackCaller(definition, { max, queue, timeoutMs, clock });
    const context = callContext();
    const leave = (): void => caller.close('the call that opened the client is over');
    const move = (): void =>
      caller.end(
        'the server is draining',
        rpcError('UNAVAILABLE', 'the server is draining', { progress: 'processed' }),
      );
    context?.signal.addEventListener('abort', leave, { once: true });
    context?.draining.addEventListener('abort', move, { once: true });
    if (context?.draining.aborted === true) move();
    void caller.listen(answers);
    void Promise.resolve()
      .then(() => run(caller, ...args))
      .then(
        () => caller.end('the handler has returned'),
        (error: unknown) => caller.end('the handler has failed', error ?? new Error('it threw nothing')),
      );
    try {
      yield* caller.asks();
    } finally {
      context?.signal.removeEventListener('abort', leave);
      context?.draining.removeEventListener('abort', move);
    }
  };
}
