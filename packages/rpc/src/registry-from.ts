import type { Registry } from '@org/rpc-registry';
import { registryFromEnvironment } from '@org/rpc-registry/internal';
import { etcdFromString } from '@org/rpc-registry-etcd';

/** The string forms that the umbrella adds to those of the core. */
const SCHEMES = { etcd: etcdFromString, etcds: etcdFromString };

/**
 * The registry that `createClient` and `createServer` take for their option `registry`: a value as it is, a string by its
 * form, and without either what `RPC_REGISTRY` says, else `local:`. Does no I/O; `etcd3` is loaded with the first use of an
 * etcd registry.
 *
 * This is the one place that knows every kind of registry, so that client and server depend on none.
 *
 * @param where - what it is for, named in errors
 * @throws TypeError that lists the string forms, and in production when nothing names a registry
 */
export function registryFrom(option?: Registry | string, where = 'registryFrom'): Registry {
  return registryFromEnvironment(where, option, SCHEMES);
}
