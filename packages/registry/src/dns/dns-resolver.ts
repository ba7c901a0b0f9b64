import { promises } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { NO_SEARCH, parseSearchList, type SearchList } from './dns-search.js';

/** An address record with the seconds for which it may be kept. */
export interface AddressRecord {
  readonly address: string;
  readonly ttl: number;
}

/** A service record, RFC 2782. */
export interface ServiceRecord {
  /** The target, a host name. */
  readonly name: string;
  readonly port: number;
  /** The lowest is to be used, the others only when it fails as a whole. */
  readonly priority: number;
  /** Share among those of the same priority, 0 to 65,535. */
  readonly weight: number;
}

/**
 * What {@link dns} needs to look names up. Its promises reject with the codes of `node:dns`: `ENOTFOUND`, `ENODATA`, `ESERVFAIL`.
 */
export interface DnsResolver {
  resolve4(name: string): Promise<readonly AddressRecord[]>;
  resolve6(name: string): Promise<readonly AddressRecord[]>;
  resolveSrv(name: string): Promise<readonly ServiceRecord[]>;
  /** Asks the operating system, which knows `/etc/hosts`; `undefined` when it is not to be asked. */
  readonly lookup: ((name: string) => Promise<readonly string[]>) | undefined;
  /** How short names are completed. Never rejects. */
  searchList(): Promise<SearchList>;
  /** Gives up all that is being asked. Idempotent. */
  cancel(): void;
}

/**
 * Makes a resolver of c-ares, which has its own sockets: DNS that does not answer takes none of the few threads that `dns.lookup`,
 * files and compression share. Only `lookup` takes one, and one at most.
 *
 * @param servers - `address` or `address:port`, asked instead of what the system is set to; then `/etc/hosts` and the system's
 *   search list are not looked at either
 * @param timeoutMs - when the caller gives up; a question that got lost is asked again before
 * @throws TypeError for what is no address of a server
 */
export function createDnsResolver(servers: readonly string[] | undefined, timeoutMs: number): DnsResolver {
  // c-ares doubles the wait for its second try: both tries fit into the timeout.
  const resolver = new promises.Resolver({ timeout: Math.ceil(timeoutMs / 3), tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  return {
    resolve4: (name) => resolver.resolve4(name, { ttl: true }),
    resolve6: (name) => resolver.resolve6(name, { ttl: true }),
    resolveSrv: (name) => resolver.resolveSrv(name),
    lookup: servers === undefined ? oneAtATime(systemLookup) : undefined,
    searchList: servers === undefined ? systemSearchList : async () => NO_SEARCH,
    cancel: () => resolver.cancel(),
  };
}

/** A look-up in the thread pool can't be cancelled: while one hangs, no second one is begun. */
function oneAtATime<T>(ask: (name: string) => Promise<T>): (name: string) => Promise<T> {
  let running: Promise<T> | undefined;
  return (name) => {
    running ??= ask(name).finally(() => {
      running = undefined;
    });
    return running;
  };
}

async function systemLookup(name: string): Promise<readonly string[]> {
  const found = await promises.lookup(name, { all: true });
  return found.map(({ address }) => address);
}

async function systemSearchList(): Promise<SearchList> {
  try {
    return parseSearchList(await readFile('/etc/resolv.conf', 'utf8'));
  } catch {
    // Other systems keep the search list elsewhere; their own look-up, which is asked last, applies it.
    return NO_SEARCH;
  }
}
