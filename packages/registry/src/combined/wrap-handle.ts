import type { RegistryHandle } from '../registry.js';

/** Every part of a handle, the optional ones included: a new part must be added below before anything compiles. */
type AllOf<T> = { readonly [K in keyof Required<T>]: T[K] };

/**
 * A handle like another one, except for some parts. Every registry that wraps another makes its handle with this, so that no part
 * is lost: rules that are not passed on would be ignored without a word.
 */
export function wrapHandle(handle: RegistryHandle, parts: Partial<RegistryHandle>): RegistryHandle {
  const all: AllOf<RegistryHandle> = {
    watch: handle.watch.bind(handle),
    register: handle.register.bind(handle),
    services: handle.services.bind(handle),
    rules: handle.rules,
    rulesStore: handle.rulesStore,
    close: handle.close.bind(handle),
  };
  return { ...all, ...parts };
}
