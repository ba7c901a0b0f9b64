import { isIP } from 'node:net';
import { assertKnownOptions, assertList, assertNumber, describeValue, TIMEOUT_BOUNDS } from '@org/rpc-core/internal';
import { parseAddress } from '../address.js';
import { readEndpoint } from '../endpoint-data.js';
import type { Registry, RegistryEnvironment } from '../registry.js';
import { DnsHandle } from './dns-handle.js';
import { createDnsResolver, type DnsResolver } from './dns-resolver.js';
import type { DnsQuestion } from './dns-round.js';

/** A name with service records (RFC 2782), which hold the ports, too. */
export interface DnsService {
  /** `_rpc._tcp.users.prod.svc`. */
  readonly srv: string;
}

/** Options of {@link dns}. Every one may be left out. */
export interface DnsOptions {
  /**
   * The longest pause between two look-ups in milliseconds, 1,000 to 86,400,000, default 30,000; up to a fifth is added at
   * random. A shorter time to live in the answer makes it shorter, but never below a second.
   */
  readonly refreshMs?: number | undefined;
  /** How long an answer may take in milliseconds, default 3,000. One that got lost is asked for again within it. */
  readonly timeoutMs?: number | undefined;
  /**
   * Servers to ask, `address` or `address:port`, 1 to 16. Default: those of the system. With it, `/etc/hosts` and the search list
   * of the system are not looked at.
   */
  readonly servers?: readonly string[] | undefined;
}

/**
 * The servers whose addresses DNS gives for a name, each of which has all services: headless services of Kubernetes, Consul,
 * Docker Compose. The name is looked up again and again: `host:port` for A and AAAA records, every address with that port; `{ srv }`
 * for service records, of which those with the lowest priority are taken with their weights, and the addresses of their targets.
 *
 * Short names are completed by the search list of `/etc/resolv.conf`. What DNS does not know is looked up by the operating
 * system, so names of `/etc/hosts` work; `localhost` is asked only there. An endpoint's id is its address, for
 * the instance behind it is not known. An address that DNS no longer gives is kept by clients as long as it answers. When DNS does
 * not answer, or gives no address at all for a name that had some, the last list stays. At most 10,000 addresses are taken.
 *
 * A server may be given the same value: it has nothing to write and counts as registered at once. `services()` rejects with
 * UNIMPLEMENTED.
 *
 * @throws TypeError for a name or an option that can't be one, naming it
 *
 * @example
 * ```ts
 * const client = createClient({ registry: dns('users.prod.svc:4399') });
 * ```
 */
export function dns(name: string | DnsService, options: DnsOptions = {}): Registry {
  assertKnownOptions('dns', options, ['refreshMs', 'timeoutMs', 'servers']);
  const { refreshMs = REFRESH_MS, timeoutMs = TIMEOUT_MS, servers } = options;
  assertNumber('dns', 'refreshMs', refreshMs, { min: 1_000, max: 86_400_000 });
  assertNumber('dns', 'timeoutMs', timeoutMs, TIMEOUT_BOUNDS);
  const isServer = (server: unknown): boolean => typeof server === 'string' && SERVER_PATTERN.test(server);
  assertList('dns', 'servers', 'addresses of DNS servers such as "10.0.0.10" or "[::1]:53"', servers, isServer);
  if (servers !== undefined && (servers.length === 0 || servers.length > SERVERS_MAX)) {
    throw new TypeError(`dns: servers must be a list of 1 to ${SERVERS_MAX}, got ${servers.length}`);
  }
  const openResolver = (): DnsResolver => createDnsResolver(servers, timeoutMs);
  // Makes a resolver only to have Node.js check the addresses now and not in the background. This opens no socket.
  if (servers !== undefined) openResolver().cancel();
  return dnsRegistry(readQuestion(name), { refreshMs, timeoutMs, openResolver });
}

/** The same over any resolver. */
export function dnsRegistry(
  question: DnsQuestion,
  settings: {
    readonly refreshMs: number;
    readonly timeoutMs: number;
    readonly openResolver: () => DnsResolver;
  },
): Registry {
  const display = question.kind === 'srv' ? `dns+srv://${question.name}` : `dns://${question.name}:${question.port}`;
  return Object.freeze({
    display,
    drainLeadMs: 0,
    open: (environment: RegistryEnvironment) => new DnsHandle({ ...settings, question, display }, environment),
  });
}

/** Checks what is to be looked up. @throws TypeError that names it and what is wrong with it */
export function readQuestion(name: unknown): DnsQuestion {
  if (typeof name === 'object' && name !== null) {
    assertKnownOptions('dns', name, ['srv']);
    const { srv } = name as { readonly srv?: unknown };
    if (typeof srv !== 'string' || isIP(srv) !== 0) {
      throw new TypeError(`dns: srv must be a name such as "_rpc._tcp.users.prod", got ${describeValue(srv)}`);
    }
    return { kind: 'srv', name: readEndpoint('dns: srv', { id: srv, host: srv, port: 1 }).host };
  }
  if (typeof name !== 'string') throw new TypeError(`dns: a name is needed: host:port, got ${describeValue(name)}`);
  const { host, port, path } = parseAddress('dns', name);
  if (path !== undefined) throw new TypeError(`dns: ${describeValue(name)} is no name; use direct() for a unix socket`);
  if (isIP(host) !== 0) throw new TypeError(`dns: ${describeValue(name)} is an address already; use direct()`);
  return { kind: 'host', name: host, port };
}

const REFRESH_MS = 30_000;
const TIMEOUT_MS = 3_000;
const SERVERS_MAX = 16;
const SERVER_PATTERN = /^[\w.:%[\]-]+$/;
