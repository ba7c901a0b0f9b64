import { nameCall } from '@org/rpc-client/internal';
import type { CallOptions, MethodKind, ServiceClient, ServiceDefinition, ServiceHandlers } from '@org/rpc-core';
import { DEFAULT_LIMITS, isRpcError } from '@org/rpc-core';
import { assertKnownOptions, assertServiceDefinition, isStreamKind, rpcError } from '@org/rpc-core/internal';
import { presentable } from '@org/rpc-server/internal';
import { type EncodeTarget, msgpack } from '@org/rpc-wire';
import { type MockMethod, MockStreams, notGiven } from './mock-streams.js';

/**
 * A stub that answers from the given functions, for tests of code that takes one: no server. What is passed and given takes
 * the way through the codec, so that a value which a call could not carry is not carried here, and both sides have values of their own.
 * What a function throws is what its caller would get of a real handler: an `RpcError` that it made, else `INTERNAL` with an id, or what
 * becomes of an error that a call of its own has brought; the `cause` is what was thrown. A method that was not given rejects with `UNIMPLEMENTED`.
 * Options given by `with` are taken and change nothing of what has no streams.
 *
 * Methods with streams are streams: each call goes from a client to a server over an in-memory pair, with credit that lets either side be no
 * more than a window ahead, options such as `signal` and `idleTimeoutMs`, and a handler that has a `callContext()`. `stream` and `duplex`
 * functions give any iterable, which is begun when the first item is asked for and returned after the reader breaks off;
 * `upload` and `duplex` functions get the caller's items as an async iterable, whatever iterable the caller passed. What a function throws
 * comes after the items before it.
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
  const streams = new MockStreams(definition as ServiceDefinition, handlers);
  const plain = new Map<string, MockMethod>();
  for (const method of methods) {
    if (isStreamKind(kinds[method]!.kind)) continue;
    const handler = (handlers as Record<string, MockMethod | undefined>)[method];
    const answer: MockMethod = (...args) => {
      if (handler !== undefined) return handler.apply(handlers, args);
      throw notGiven(service, method);
    };
    plain.set(method, answered({ service, method }, kinds[method]!.kind === 'notify', answer));
  }
  const stubWith = (options: CallOptions | undefined): object => {
    const stub: Record<string, unknown> = {};
    for (const method of methods) stub[method] = plain.get(method) ?? streams.method(method, options);
    Object.defineProperty(stub, 'with', { value: (more: CallOptions) => stubWith({ ...options, ...more }) });
    return stub;
  };
  return stubWith(undefined) as never;
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
