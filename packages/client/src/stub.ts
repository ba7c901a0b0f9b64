import type { CallOptions, MethodDefinition, ServiceDefinition } from '@org/rpc-core';
import {
  assertKnownOptions,
  assertNumber,
  isReservedMethodName,
  PRIORITY_BOUNDS,
  TIMEOUT_BOUNDS,
} from '@org/rpc-core/internal';

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
  const prototype: Record<string, unknown> = {};
  for (const [method, methodDefinition] of Object.entries(definition.methods)) {
    const target = resolve(method, methodDefinition);
    stub[method] = (...args: unknown[]): unknown => invoke(target, args, undefined);
    prototype[method] = function (this: WithOptions, ...args: unknown[]): unknown {
      return invoke(target, args, this[OPTIONS]);
    };
  }
  Object.defineProperty(stub, 'with', { value: (options: CallOptions) => withOptions(prototype, options) });
  Object.defineProperty(prototype, 'with', {
    value(this: WithOptions, options: CallOptions) {
      return withOptions(prototype, { ...this[OPTIONS], ...options });
    },
  });
  return stub;
}

const OPTIONS: unique symbol = Symbol('options');

interface WithOptions {
  readonly [OPTIONS]: CallOptions;
}

function withOptions(prototype: object, options: CallOptions): object {
  const derived = Object.create(prototype) as { [OPTIONS]: CallOptions };
  derived[OPTIONS] = checkedOptions(options);
  return derived;
}

const KNOWN_OPTIONS = new Set<string>([
  'timeoutMs',
  'attemptTimeoutMs',
  'idleTimeoutMs',
  'signal',
  'metadata',
  'idempotent',
  'priority',
  'hashKey',
  'waitForReady',
  'onResponse',
]);

/** Checks the options of a call. @throws TypeError naming option, value and bound */
export function checkedOptions(options: CallOptions): CallOptions {
  for (const name in options) if (!KNOWN_OPTIONS.has(name)) assertKnownOptions('call', options, [...KNOWN_OPTIONS]);
  const { timeoutMs, attemptTimeoutMs, priority } = options;
  if (timeoutMs !== undefined) assertNumber('call', 'timeoutMs', timeoutMs, TIMEOUT_BOUNDS);
  if (attemptTimeoutMs !== undefined) assertNumber('call', 'attemptTimeoutMs', attemptTimeoutMs, TIMEOUT_BOUNDS);
  if (priority !== undefined) assertNumber('call', 'priority', priority, PRIORITY_BOUNDS);
  return options;
}

/**
 * Makes the stub of a plain interface, whose methods are known to the compiler only: a Proxy. What `await`, printing and
 * `JSON.stringify` ask of any object is not taken for a method.
 */
export function createInterfaceStub<Target>(
  resolve: Resolve<Target>,
  invoke: Invoke<Target>,
  options: CallOptions | undefined,
): object {
  const methods = new Map<string, unknown>();
  return new Proxy(Object.create(null) as object, {
    get(_target, name) {
      if (typeof name === 'symbol') return undefined;
      if (name === 'with')
        return (more: CallOptions) => createInterfaceStub(resolve, invoke, checkedOptions({ ...options, ...more }));
      if (isReservedMethodName(name)) return undefined;
      let method = methods.get(name);
      if (method === undefined) {
        const target = resolve(name, undefined);
        method = (...args: unknown[]): unknown => invoke(target, args, options);
        methods.set(name, method);
      }
      return method;
    },
  });
}
