import type { CallOptions, ServiceClient, ServiceDefinition, ServiceHandlers } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';

/**
 * A stub that answers from the given functions, for tests of code that takes one: no server, no encoding. A method that was
 * not given rejects with `UNIMPLEMENTED`.
 *
 * @example
 * ```ts
 * const calculator = mockService(Calculator, { sum: () => 3 });
 * ```
 */
export function mockService<D extends ServiceDefinition<object>>(
  definition: D,
  handlers: Partial<NoInfer<ServiceHandlers<D>>>,
): ServiceClient<D> {
  const stub: Record<string, unknown> = {};
  for (const method of Object.keys(definition.methods)) {
    const handler = (handlers as Record<string, ((...args: unknown[]) => unknown) | undefined>)[method];
    stub[method] = async (...args: unknown[]): Promise<unknown> => {
      if (handler === undefined)
        throw rpcError('UNIMPLEMENTED', `mockService: ${definition.name}.${method} was not given`, {
          progress: 'refused',
        });
      return handler(...args);
    };
  }
  Object.defineProperty(stub, 'with', { value: (_options: CallOptions) => stub });
  return stub as never;
}
