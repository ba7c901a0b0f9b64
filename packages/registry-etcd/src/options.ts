import { createSecureContext } from 'node:tls';
import { assertKnownOptions, assertNumber, assertObject, describeValue } from '@org/rpc-core/internal';
import type { RememberedOptions } from '@org/rpc-registry';

/** A user of etcd. */
export interface EtcdAuth {
  readonly username: string;
  /** Never shown: not in messages, events or `display`. */
  readonly password: string;
}

/** TLS towards etcd. An empty object is TLS with the well-known certificate authorities. */
export interface EtcdTls {
  /** PEM of the certificate authorities that etcd's certificate must come from; default the well-known ones. */
  readonly ca?: string | Buffer | undefined;
  /** PEM of this client's certificate; with `key`. */
  readonly cert?: string | Buffer | undefined;
  /** PEM of this client's private key; with `cert`. */
  readonly key?: string | Buffer | undefined;
}

/** Options of {@link etcd}. */
export interface EtcdOptions {
  /** `http://host:port`, `https://host:port` or `host:port` of the members of one cluster; the port is 2379 if left out. */
  readonly hosts: string | readonly string[];
  /**
   * How long the entry of a server that died is kept, in seconds, 5 to 86,400 (default 15). A running server renews it every
   * third of this time.
   */
  readonly ttlSeconds?: number | undefined;
  /** What all keys begin with: letters, digits, `.`, `_`, `-`, in segments separated by `/` (default `rpc`). */
  readonly prefix?: string | undefined;
  readonly auth?: EtcdAuth | undefined;
  readonly tls?: EtcdTls | undefined;
  /**
   * Where clients keep the last list of each service, so that they can start while etcd is down (default on, in
   * `org-rpc/snapshots` of the user's cache); `false` keeps none. See `remembered` of `@org/rpc-registry`.
   */
  readonly snapshots?: RememberedOptions | false | undefined;
}

/** {@link EtcdOptions}, checked and complete. */
export interface ResolvedEtcdOptions {
  /** `host:port`, at least one. */
  readonly hosts: readonly string[];
  readonly ttlSeconds: number;
  /** Without slashes at its ends. */
  readonly prefix: string;
  readonly auth: EtcdAuth | undefined;
  readonly tls: EtcdTls | undefined;
  readonly snapshots: RememberedOptions | false;
}

/** What keys begin with unless told otherwise. */
export const DEFAULT_PREFIX = 'rpc';

/** @throws TypeError that names option, value and bound */
export function resolveEtcdOptions(options: EtcdOptions): ResolvedEtcdOptions {
  assertKnownOptions('etcd', options, ['hosts', 'ttlSeconds', 'prefix', 'auth', 'tls', 'snapshots']);
  const { ttlSeconds = 15, auth } = options;
  assertNumber('etcd', 'ttlSeconds', ttlSeconds, { min: TTL_MIN_SECONDS, max: TTL_MAX_SECONDS, integer: true });
  if (auth !== undefined) checkAuth(auth);
  const { hosts, secure } = resolveHosts(options.hosts);
  if (options.tls !== undefined) {
    checkTls(options.tls);
    if (secure === false) throw new TypeError('etcd: tls is given, but hosts say http://; write https://');
  }
  return {
    hosts,
    ttlSeconds,
    prefix: resolvePrefix(options.prefix),
    auth: auth === undefined ? undefined : { username: auth.username, password: auth.password },
    tls: options.tls ?? (secure === true ? {} : undefined),
    snapshots: options.snapshots ?? {},
  };
}

/** With less, a pause of a few seconds of a server or of etcd would lose the entry. */
const TTL_MIN_SECONDS = 5;
const TTL_MAX_SECONDS = 86_400;
const HOSTS_MAX = 100;
const DEFAULT_PORT = 2379;

interface ResolvedHosts {
  readonly hosts: readonly string[];
  /** `undefined` when no host has a scheme. */
  readonly secure: boolean | undefined;
}

function resolveHosts(given: unknown): ResolvedHosts {
  const list: readonly unknown[] = typeof given === 'string' ? [given] : Array.isArray(given) ? given : [];
  if (list.length === 0 || list.length > HOSTS_MAX) {
    const got = Array.isArray(given) ? `${given.length} of them` : describeValue(given);
    throw new TypeError(`etcd: hosts must be 1 to ${HOSTS_MAX} addresses such as "http://127.0.0.1:2379", got ${got}`);
  }
  const hosts = new Set<string>();
  const schemes = new Set<boolean>();
  for (const entry of list) {
    const { host, secure } = resolveHost(entry);
    hosts.add(host);
    if (secure !== undefined) schemes.add(secure);
  }
  if (schemes.size > 1) throw new TypeError('etcd: hosts must be all http:// or all https://, got both');
  return { hosts: [...hosts], secure: [...schemes][0] };
}

function resolveHost(entry: unknown): { host: string; secure: boolean | undefined } {
  if (typeof entry === 'string' && entry.includes('@')) {
    // Not shown: what stands before the @ may be a password.
    throw new TypeError('etcd: hosts must not hold credentials; give them as auth: { username, password }');
  }
  const match = typeof entry === 'string' ? HOST_PATTERN.exec(entry) : null;
  const port = Number(match?.groups?.['port'] ?? DEFAULT_PORT);
  if (match === null || port < 1 || port > 65_535) {
    throw new TypeError(`etcd: hosts must be addresses such as "http://127.0.0.1:2379", got ${describeValue(entry)}`);
  }
  const { scheme, name } = match.groups ?? {};
  return { host: `${name}:${port}`, secure: scheme === undefined ? undefined : scheme === 'https' };
}

/** A host name or address, IPv6 in brackets. */
const HOST_PATTERN =
  /^(?:(?<scheme>https?):\/\/)?(?<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?<port>\d{1,5}))?\/?$/;

function resolvePrefix(given: unknown = DEFAULT_PREFIX): string {
  const prefix = typeof given === 'string' ? given.replace(/^\/|\/$/g, '') : undefined;
  const segments = prefix === '' ? [] : prefix?.split('/');
  if (prefix === undefined || prefix.length > PREFIX_LENGTH_MAX || !segments?.every((part) => PREFIX_PART.test(part))) {
    throw new TypeError(
      `etcd: prefix must be at most ${PREFIX_LENGTH_MAX} letters, digits, ".", "_" and "-", in segments separated by "/", got ${describeValue(given)}`,
    );
  }
  return prefix;
}

const PREFIX_LENGTH_MAX = 200;
const PREFIX_PART = /^[A-Za-z0-9._-]+$/;

function checkAuth(auth: EtcdAuth): void {
  // Not shown: a text here probably holds the password.
  if (typeof auth !== 'object' || auth === null) throw new TypeError('etcd: auth must be { username, password }');
  assertKnownOptions('etcd: auth', auth, ['username', 'password']);
  const { username, password } = auth;
  if (typeof username !== 'string' || username === '') {
    throw new TypeError(`etcd: auth.username must be a name, got ${describeValue(username)}`);
  }
  if (typeof password !== 'string' || password === '') {
    throw new TypeError(`etcd: auth.password must be a text that is not empty, got a value of type ${typeof password}`);
  }
}

function checkTls(tls: EtcdTls): void {
  const given: unknown = tls;
  assertObject('etcd', 'tls', given);
  assertKnownOptions('etcd: tls', tls, ['ca', 'cert', 'key']);
  const { ca, cert, key } = tls;
  for (const [name, value] of Object.entries({ ca, cert, key })) {
    if (value === undefined || typeof value === 'string' || Buffer.isBuffer(value)) continue;
    throw new TypeError(`etcd: tls.${name} must be PEM as text or a Buffer, got ${describeValue(value)}`);
  }
  if ((cert === undefined) !== (key === undefined)) throw new TypeError('etcd: tls.cert and tls.key go together');
  try {
    createSecureContext({ ca, cert, key });
  } catch (error) {
    throw new TypeError(`etcd: tls is not usable: ${(error as Error).message}`);
  }
}

/**
 * What is said of a password, and of the token that etcd gives for it, that go to another machine in plaintext: whoever is on the path can read
 * them, and then decide where calls go. The loopback address and TLS are fine.
 *
 * @returns `undefined` when nothing is to be said
 */
export function describeInsecure({
  hosts,
  auth,
  tls,
}: Pick<ResolvedEtcdOptions, 'hosts' | 'auth' | 'tls'>): string | undefined {
  if (auth === undefined || tls !== undefined) return undefined;
  const away = hosts.filter((host) => !isLoopback(host.slice(0, host.lastIndexOf(':'))));
  if (away.length === 0) return undefined;
  return `the password of etcd goes to ${away.join(', ')} without TLS: whoever is on the path can read it; write https:// or etcds://`;
}

function isLoopback(name: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i.test(name);
}
