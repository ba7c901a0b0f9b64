import type { Registry } from '@org/rpc-registry';
import { etcd } from './etcd-registry.js';
import type { EtcdOptions } from './options.js';

/**
 * Makes the registry that a string names: `etcd://host:2379`, `etcd://user:password@h1:2379,h2:2379/prefix`, or `etcds://` for
 * TLS. User and password are percent-encoded where they hold `:`, `@`, `/` or `%`.
 *
 * @throws TypeError when it is no such string; the message never shows the part before `@`
 */
export function etcdFromString(text: string): Registry {
  return etcd(parseEtcdString(text));
}

/** The options that a string stands for; see {@link etcdFromString}. */
export function parseEtcdString(text: string): EtcdOptions {
  const match = STRING_PATTERN.exec(text);
  if (match === null) throw new TypeError(`etcd: cannot read ${JSON.stringify(withoutSecret(text))}; ${HELP}`);
  const { scheme, credentials, hosts, prefix } = match.groups as Record<string, string | undefined>;
  const http = scheme === 'etcds' ? 'https' : 'http';
  return {
    hosts: (hosts ?? '').split(',').map((host) => `${http}://${host}`),
    ...(credentials === undefined ? {} : { auth: parseCredentials(credentials) }),
    ...(prefix === undefined || prefix === '' ? {} : { prefix }),
  };
}

const STRING_PATTERN =
  /^(?<scheme>etcds?):\/\/(?:(?<credentials>[^/?#]*)@)?(?<hosts>[^/?#@]+)(?:\/(?<prefix>[^?#@]*))?$/;
const HELP = 'write etcd://host:2379, or etcd://user:password@host1:2379,host2:2379/prefix (etcds:// for TLS)';

function parseCredentials(credentials: string): { username: string; password: string } {
  const colon = credentials.indexOf(':');
  try {
    if (colon < 0) throw new URIError();
    return {
      username: decodeURIComponent(credentials.slice(0, colon)),
      password: decodeURIComponent(credentials.slice(colon + 1)),
    };
  } catch {
    throw new TypeError(`etcd: the part before @ must be user:password, percent-encoded; ${HELP}`);
  }
}

/** What stands before the last `@` may be a password, even in a string that makes no sense. */
function withoutSecret(text: string): string {
  const at = text.lastIndexOf('@');
  return at < 0 ? text : `***${text.slice(at)}`;
}
