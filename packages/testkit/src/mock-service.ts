import { nameCall } from '@org/rpc-client/internal';
import type { CallOptions, MethodKind, ServiceClient, ServiceDefinition, ServiceHandlers } from '@org/rpc-core';
import { DEFAULT_LIMITS, isRpcError } from '@org/rpc-core';
import { assertKnownOptions, assertServiceDefinition, rpcError } from '@org/rpc-core/internal';
import { presentable } from '@org/rpc-server/internal';
import { type EncodeTarget, msgpack } from '@org/rpc-wire';
import { iteratorOf } from '@org/rpc-wire/internal';

/**
 * A stub that answers from the given functions, for tests of code that takes one: no server. What is passed and given takes
 * the way through the codec, so that a value which a call could not carry is not carried here, and both sides have values of their own.
 * What a function throws is what its caller would get of a real handler: an `RpcError` that it made, else `INTERNAL` with an id, or what
 * becomes of an error that a call of its own has brought. A method that was not given rejects with `UNIMPLEMENTED`. Options given by `with` are taken and change nothing.
 *
 * Methods with streams take what a handler takes and gives: `stream` and `duplex` functions give any iterable, which is begun
 * when the first item is asked for and returned when the reader breaks off; `upload` and `duplex` functions get the
 * caller's items as an async iterable, whatever iterable the caller passed. What a function throws comes after the items
 * before it.
 *
 * @throws TypeError for a function whose name is no method, naming the nearest one
 * @example
 * ```ts
 * const calculator = mockService(Calculator, { sum: () => 3 });
 * const readings = mockService(Readings, { latest: () => [19, 20], record: async (values) => `${(await toArray(values)).length}` });
 * ```
 */
export function mockService<D extends ServiceDefinition<object>>(
  definition: D,
  handlers: Partial<NoInfer<ServiceHandlers<D>>>,
): ServiceClient<D> {
  assertServiceDefinition('mockService', definition);
  const service = definition.name;
  const kinds = definition.methods as Readonly<Record<string, { readonly kind: MethodKind }>>;
  const methods = Object.keys(kinds);
  assertKnownOptions(`mockService(${service})`, handlers, methods);
  const stub: Record<string, unknown> = {};
  for (const method of methods) {
    const handler = (handlers as Record<string, MockMethod | undefined>)[method];
    const answer: MockMethod = (...args) => {
      if (handler !== undefined) return handler.apply(handlers, args);
      const reason = `mockService: ${service}.${method} was not given`;
      throw rpcError('UNIMPLEMENTED', reason, { service, method, progress: 'refused' });
    };
    const name = { service, method };
    stub[method] =
      mockStreamMethod(`${service}.${method}`, kinds[method]!.kind, answer) ??
      answered(name, kinds[method]!.kind === 'notify', answer);
  }
  Object.defineProperty(stub, 'with', { value: (_options: CallOptions) => stub });
  return stub as never;
}

/** A method without streams: as a call of it would answer. */
function answered(name: CallName, oneWay: boolean, answer: MockMethod): MockMethod {
  const what = `${name.service}.${name.method}`;
  return async (...args) => {
    while (args.length > 0 && args.at(-1) === undefined) args.pop();
    const sent = carried(args, (reason) =>
      rpcError('INVALID_ARGUMENT', `${what} cannot be sent: ${reason}`, { ...name, progress: 'unsent' }),
    ) as unknown[];
    try {
      const result = await answer(...sent);
      return oneWay ? undefined : carried(result, (reason) => new Error(`the result cannot be sent: ${reason}`));
    } catch (thrown) {
      throw asCallerSees(name, thrown);
    }
  };
}

interface CallName {
  readonly service: string;
  readonly method: string;
}

/** A value after the way through the codec. @throws what `refused` makes of the reason */
function carried(value: unknown, refused: (reason: string) => Error): unknown {
  const codec = msgpack();
  const bytes = Buffer.allocUnsafeSlow(256);
  const target: EncodeTarget = {
    chunk: { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) },
    position: 0,
  };
  try {
    codec.encode(value, target);
    return codec.createDecoder(DEFAULT_LIMITS)(target.chunk.bytes, 0, target.position);
  } catch (error) {
    throw refused((error as Error).message);
  }
}

/** What a server makes of what its handler has thrown; what the mock itself refuses is told as it is. */
function asCallerSees(name: CallName, thrown: unknown): unknown {
  if (isRpcError(thrown, 'UNIMPLEMENTED') && thrown.progress === 'refused') return thrown;
  const { error, correlationId } = presentable(thrown, { oneWay: false, started: true });
  const { code, reason, details, retryAfterMs } = error;
  // The text that a server would have logged under the id is the cause: whoever tests wants to see it.
  const cause = correlationId === undefined ? undefined : thrown;
  return nameCall(rpcError(code, reason, { ...name, details, retryAfterMs, cause, progress: 'processed' }));
}

/** A method of a mock, and the function behind it: nothing is known of either but that it takes arguments. */
export type MockMethod = (...args: unknown[]) => unknown;

/**
 * What a stub has for a method with streams, answered by a function that is written like a handler. As with a real stub, what
 * takes or gives no items is refused with a `TypeError`: at once by `duplex`, as a rejection by `upload`.
 *
 * @param name - `service.method`, for errors
 * @returns `undefined` where the method has no streams
 */
export function mockStreamMethod(name: string, kind: MethodKind, answer: MockMethod): MockMethod | undefined {
  const argument = `${name}: the first argument`;
  const result = `mockService: ${name}: what the function gives`;
  switch (kind) {
    case 'stream':
      return (...args) => itemsOf(() => answer(...args), result);
    case 'upload':
      return async (source, ...args) => answer(itemsOf(iterable(source, argument), argument), ...args);
    case 'duplex':
      return (source, ...args) => {
        const items = itemsOf(iterable(source, argument), argument);
        return itemsOf(() => answer(items, ...args), result);
      };
    default:
      return undefined;
  }
}

/** Gives the source back, without beginning to iterate. @throws TypeError when it can't be iterated */
function iterable(source: unknown, what: string): () => unknown {
  const isIterable =
    typeof source === 'object' && source !== null && (Symbol.asyncIterator in source || Symbol.iterator in source);
  if (!isIterable) throw new TypeError(`${what} must be an async iterable or an iterable`);
  return () => source;
}

/** The items of what `begin` gives. It runs when the first of them is asked for, as a real call would. */
async function* itemsOf(begin: () => unknown, what: string): AsyncGenerator<unknown> {
  const iterator = iteratorOf(begin(), what);
  yield* { [Symbol.asyncIterator]: () => iterator as AsyncIterator<unknown> };
}
