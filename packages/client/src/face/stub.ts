import type { CallOptions, MethodDefinition, ServiceDefinition } from '@org/rpc-core';
import { isReservedMethodName } from '@org/rpc-core/internal';
import { checkedOptions } from './call-options.js';

/** What a stub's methods do: call this method with these arguments and options. */
export type Invoke<Target> = (target: Target, args: unknown[], options: CallOptions | undefined) => unknown;

/** What a stub needs to know of one method. */
export type Resolve<Target> = (method: string, definition: MethodDefinition | undefined) => Target;

/**
 * Makes the stub of a contract: a plain object of bound functions, so that methods can be taken off it and it can be printed
 * and awaited. `with` gives a light object whose methods live on a prototype made once.
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
      // A getter, so that methods of a derived stub are bound too, and none is made that is not used.
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

/** What is given later goes before what was given earlier. */
function withOptions(prototype: object, earlier: CallOptions | undefined, options: CallOptions): object {
  checkedOptions(options);
  const derived = Object.create(prototype) as { [OPTIONS]: CallOptions };
  derived[OPTIONS] = earlier === undefined ? options : { ...earlier, ...options };
  return derived;
}

/**
 * Makes the stub of a plain interface, whose methods are known to the compiler only: a Proxy. What `await`, printing and
 * `JSON.stringify` ask of any object is not taken for a method, and names are looked at when a method is called: tools that
 * look into objects ask for all kinds of them.
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
      // In a template string, toString and valueOf would be called otherwise: on the server.
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
