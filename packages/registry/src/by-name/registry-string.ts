import { describeValue, nearestName } from '@org/rpc-core/internal';
import { direct } from '../direct/direct.js';
import { dns } from '../dns/dns.js';
import { local } from '../local/local.js';
import type { Registry } from '../registry.js';

/**
 * More string forms by scheme, each with a function that makes a registry of the string: `{ etcd: etcdFromString }` for
 * `etcd://...`. The whole string is passed.
 */
export type RegistrySchemes = Readonly<Record<string, (text: string) => Registry>>;

/**
 * Makes a registry of its string form: `local:`, `local:/directory`, `direct://host:port,host:port`, `dns://name:port`,
 * `dns+srv://name`, or one of `schemes`.
 *
 * @throws TypeError that lists the forms; it shows only the scheme of the string, because the rest may hold a password
 */
export function registryFromString(text: string, schemes: RegistrySchemes = {}): Registry {
  if (typeof text !== 'string') throw new TypeError(`registry: a string is needed, got ${describeValue(text)}`);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  const byScheme = new Map(Object.entries({ ...schemes, ...OWN }));
  const parse = scheme === undefined ? undefined : byScheme.get(scheme);
  if (parse !== undefined) return parse(text);
  const forms = [...FORMS, ...Object.keys(schemes).map((name) => `${name}://...`)].join(', ');
  if (scheme === undefined)
    throw new TypeError(`registry: a string form begins with its scheme; the forms are ${forms}`);
  const nearest = nearestName(scheme, byScheme.keys());
  const hint = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
  throw new TypeError(`registry: unknown scheme ${describeValue(scheme)}${hint}; the forms are ${forms}`);
}

const FORMS = ['local:', 'local:/directory', 'direct://host:port,host:port', 'dns://name:port', 'dns+srv://name'];

const OWN: RegistrySchemes = {
  local: localFromString,
  direct: directFromString,
  dns: (text) => dns(afterSlashes(text, 'dns://name:port')),
  'dns+srv': (text) => dns({ srv: afterSlashes(text, 'dns+srv://_service._tcp.name') }),
};

function localFromString(text: string): Registry {
  const directory = text.slice('local:'.length);
  return directory === '' ? local() : local({ directory });
}

function directFromString(text: string): Registry {
  const addresses = /^direct:\/\/(.*)$/is.exec(text)?.[1];
  if (addresses === undefined || addresses === '') {
    throw new TypeError('registry: "direct" needs addresses: direct://host:port,host:port');
  }
  return direct(addresses.split(','));
}

function afterSlashes(text: string, form: string): string {
  const name = /^[a-z+]+:\/\/(.+)$/is.exec(text)?.[1];
  if (name === undefined) throw new TypeError(`registry: a name is missing: ${form}`);
  return name;
}
