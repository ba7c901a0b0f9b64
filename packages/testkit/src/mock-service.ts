import type { CallOptions, ServiceClient, ServiceDefinition, ServiceHandlers } from '@org/rpc-core';
import { assertKnownOptions, assertServiceDefinition, rpcError } from '@org/rpc-core/internal';

/**
 * A stub that answers from the given functions, for tests of code that takes one: no server, no encoding. A method that was
 * not given rejects with `UNIMPLEMENTED`. Options given by `with` are taken and change nothing.
 *
 * @throws TypeError for a function whose name is no method, naming the nearest one
 * @example
 * ```ts
 * const calculator = mockService(Calculator, { sum: () => 3 });
 * ```
 */
export function mockService<D extends ServiceDefinition<object>>(
  definition: D,
  handlers: Partial<NoInfer<ServiceHandlers<D>>>,
): ServiceClient<D> {
  assertServiceDefinition('mockService', definition);
  const service = definition.name;
  const methods = Object.keys(definition.methods);
  assertKnownOptions(`mockService(${service})`, handlers, methods);
  const stub: Record<string, unknown> = {};
  for (const method of methods) {
    const handler = (handlers as Record<string, ((...args: unknown[]) => unknown) | undefined>)[method];
    stub[method] = async (...args: unknown[]): Promise<unknown> => {
      if (handler !== undefined) return handler.apply(handlers, args);
      const reason = `mockService: ${service}.${method} was not given`;
      throw rpcError('UNIMPLEMENTED', reason, { service, method, progress: 'refused' });
    };
  }
  Object.defineProperty(stub, 'with', { value: (_options: CallOptions) => stub });
  return stub as never;
}
