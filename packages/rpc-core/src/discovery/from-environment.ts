import { assertName } from '../names.js';
import type { Registry } from './registry.js';
import { type RegistrySchemes, registryFromString } from './registry-string.js';

/**
 * The registry that an option names: the value itself, its string form, or what the environment says.
 *
 * Left out, `RPC_REGISTRY` is read, then `local:` is taken; not in production, where a forgotten setting would start a
 * service that is healthy and that nobody finds.
 *
 * @param where - the function whose option it is, for errors
 * @param schemes - further string forms besides `local:` and `direct:`
 * @throws TypeError naming the forms
 */
export function registryFromEnvironment(
  where: string,
  option: Registry | string | undefined,
  schemes?: RegistrySchemes,
): Registry {
  if (typeof option === 'object' && option !== null) return option;
  const text = option ?? process.env['RPC_REGISTRY'];
  if (typeof text === 'string' && text !== '') return registryFromString(text, schemes);
  if (option !== undefined && option !== '')
    throw new TypeError(
      `${where}: registry must be a registry value such as local() or its string form, not ${typeof option}`,
    );
  if (process.env['NODE_ENV'] === 'production') {
    throw new TypeError(
      `${where}: in production the registry must be named: give the option registry (such as etcd({ hosts })) or set RPC_REGISTRY`,
    );
  }
  return registryFromString('local:', schemes);
}

/** The namespace that an option names: the option, `RPC_NAMESPACE`, or `default`. @throws TypeError for a wrong name */
export function resolveNamespace(where: string, option: string | undefined): string {
  const namespace = option ?? (process.env['RPC_NAMESPACE'] || 'default');
  assertName(`${where}: namespace`, namespace);
  return namespace;
}
