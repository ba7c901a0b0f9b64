import { assertName, describeValue } from '@org/rpc-core/internal';
import type { Registry } from '../registry.js';
import { type RegistrySchemes, registryFromString } from './registry-string.js';

/**
 * The registry that an option names: the value itself, its string form, or what the environment says.
 *
 * Left out, `RPC_REGISTRY` is read, then `local:` is taken; but not in production, where a forgotten setting would start a
 * healthy service that nobody finds.
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
  if (typeof (option as Partial<Registry> | undefined)?.open === 'function') return option as Registry;
  if (option !== undefined && typeof option !== 'string')
    throw new TypeError(
      `${where}: registry must be a registry value such as local() or its string form, got ${describeValue(option)}`,
    );
  const text = option ?? process.env['RPC_REGISTRY'];
  if (text !== undefined && text !== '') {
    try {
      return registryFromString(text, schemes);
    } catch (error) {
      const source = option === undefined ? 'RPC_REGISTRY: ' : '';
      throw new TypeError(`${where}: ${source}${(error as Error).message}`, { cause: error });
    }
  }
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
