import type { Registry } from '@org/rpc-core';
import { registryFromEnvironment } from '@org/rpc-core/internal';
import { etcdFromString } from '@org/rpc-registry-etcd';

/** The string forms that the umbrella adds to those of the core. */
const SCHEMES = { etcd: etcdFromString, etcds: etcdFromString };

/**
 * Fills in the registry of a client's or server's options. This is the one place that knows every kind of registry, so that
 * client and server depend on none; `etcd3` itself is loaded with the first use of an etcd registry.
 */
export function withRegistry<O extends { readonly registry?: Registry | string | undefined }>(
  where: string,
  options: O,
): O {
  return { ...options, registry: registryFromEnvironment(where, options.registry, SCHEMES) };
}
