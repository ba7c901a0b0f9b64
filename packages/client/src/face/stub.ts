import type { CallOptions, MethodDefinition, ServiceDefinition } from '@org/rpc-core';
import { isReservedMethodName } from '@org/rpc-core/internal';
import { checkedOptions } from './call-options.js';

/** Calls a method of a stub with these arguments and options. */
export type Invoke<Target> = (target: Target, args: unknown[], options: CallOptions | undefined) => unknown;

/** Gives a stub what it needs to call one method. */
export type Resolve<Target> = (method: string, definition: MethodDefinition | undefined) => Target;

/**
 * Makes the stub of a contract: a plain object of bound functions, so that its methods can be detached and the stub can be printed
 * and awaited. `with` returns a light object whose methods are on a prototype made once.
 */
export function createStub<Target>(
  definition: ServiceDefinition,
  resolve: Resolve<Target>,
  invoke: Invoke<Target>,
): object {
  const stub: Record<string, unknown> = {};
  const prototype: object = {};
  for (const [method, methodDefinition] of Object.entries(definition.methods)) {
    const target = resolve(method, methodDefinition);
    stub[method] = (...args: unknown[]): unknown => invoke(target, args, undefined);
    Object.defineProperty(prototype, method, {
      enumerable: true,
      // A getter, so that methods of a derived stub are bound too, and only those that are used are made.
      get(this: WithOptions) {
        const options = this[OPTIONS];
        return (...args: unknown[]): unknown => invoke(target, args, options);
      },
    });
  }
  Object.defineProperty(stub, 'with', { value: (options: CallOptions) => withOptions(prototype, undefined, options) });
  Object.defineProperty(prototype, 'with', {
    value(this: WithOptions, options: CallOptions) {
      return withOptions(prototype, this[OPTIONS], options);
    },
  });
  return stub;
}

const OPTIONS: unique symbol = Symbol('options');

interface WithOptions {
  readonly [OPTIONS]: CallOptions;
}

/** Later options take precedence over earlier ones. */
function withOptions(prototype: object, earlier: CallOptions | undefined, options: CallOptions): object {
  checkedOptions(options);
  const derived = Object.create(prototype) as { [OPTIONS]: CallOptions };
  derived[OPTIONS] = earlier === undefined ? options : { ...earlier, ...options };
  return derived;
}

/**
 * Makes the stub of a plain interface, whose methods only the compiler knows: a Proxy. Properties that `await`, printing and
 * `JSON.stringify` look for on any object are not taken for methods. Names are checked only when a method is called, because
 * tools that inspect objects read properties of many names.
 */
export function createInterfaceStub<Target>(
  service: string,
  resolve: Resolve<Target>,
  invoke: Invoke<Target>,
  options: CallOptions | undefined,
): object {
  const methods = new Map<string, unknown>();
  return new Proxy(Object.create(null) as object, {
    get(_target, name) {
      // Without this, a template string would call toString and valueOf on the server.
      if (name === Symbol.toPrimitive) return () => `[stub of ${service}]`;
      if (typeof name === 'symbol') return undefined;
      if (name === 'with')
        return (more: CallOptions) =>
          createInterfaceStub(service, resolve, invoke, { ...options, ...checkedOptions(more) });
      if (isReservedMethodName(name)) return undefined;
      let method = methods.get(name);
      if (method === undefined) {
        method = (...args: unknown[]): unknown => invoke(resolve(name, undefined), args, options);
        methods.set(name, method);
      }
      return method;
    },
  });
}
