import type { RegistryHandle } from '../registry.js';

/** Every part of a handle, those included that some have not: a new one must be said here before anything compiles. */
type AllOf<T> = { readonly [K in keyof Required<T>]: T[K] };

/**
 * A handle that is as another one but for some parts. Whatever wraps a registry makes its handle by this, so that nothing of the
 * other one is lost: rules that are not passed on would be ignored in silence.
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
