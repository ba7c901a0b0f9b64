import { describeValue, rpcError } from '@org/rpc-core/internal';
import { parseAddress } from '../address.js';
import { type Endpoint, endpointAddress } from '../endpoint.js';
import { DEFAULT_WEIGHT, readInstance } from '../endpoint-data.js';
import type { Registry, RegistryHandle } from '../registry.js';
import { refusedRegistration, writtenRegistration } from '../settled-registration.js';
import { createWatchList } from '../watch-list.js';

/** The most addresses that {@link direct} takes. */
const ADDRESSES_MAX = 10_000;

/**
 * A fixed list of servers, each of which has all services; for tests, tools and places where addresses are configured.
 *
 * An endpoint's id is its address, because the instance behind it is not known. A server may use the same registry: nothing is
 * written, and it counts as registered at once. The list knows no names, so `services()` rejects with UNIMPLEMENTED.
 *
 * @param addresses - 1 to 10,000 of `host:port`, `[IPv6]:port` or `unix:/path`, none twice
 * @throws TypeError at once when an address can't be one, naming it
 *
 * @example
 * ```ts
 * const client = createClient({ registry: direct(['10.0.0.7:4399', '[::1]:4399', 'unix:/run/shop.sock']) });
 * ```
 */
export function direct(addresses: readonly string[]): Registry {
  const endpoints = readAddresses(addresses);
  const first = endpointAddress(endpoints[0]!);
  const more = endpoints.length > 1 ? ` and ${endpoints.length - 1} more` : '';
  return Object.freeze({
    display: `direct://${first}${more}`,
    drainLeadMs: 0,
    open: () => openDirect(endpoints),
  });
}

function readAddresses(addresses: unknown): readonly Endpoint[] {
  if (!Array.isArray(addresses) || addresses.length === 0 || addresses.length > ADDRESSES_MAX) {
    const given = Array.isArray(addresses) ? `${addresses.length}` : describeValue(addresses);
    throw new TypeError(`direct: a list of 1 to ${ADDRESSES_MAX} addresses is needed, got ${given}`);
  }
  const byAddress = new Map<string, Endpoint>();
  for (const address of addresses) {
    const location = parseAddress('direct', address);
    const id = endpointAddress(location);
    if (byAddress.has(id)) throw new TypeError(`direct: the address ${describeValue(address)} is listed twice`);
    byAddress.set(id, Object.freeze({ id, ...location, weight: DEFAULT_WEIGHT, state: 'up', isAnyInstance: true }));
  }
  return [...byAddress.values()];
}

function openDirect(endpoints: readonly Endpoint[]): RegistryHandle {
  const watches = createWatchList();
  let closed = false;
  return {
    watch(service, publish) {
      const watch = watches.add(service, publish);
      if (closed) watch.close();
      else watches.offer(service, { endpoints, reasonOf: () => 'unknown' });
      return watch;
    },
    register(instance) {
      readInstance('register', instance);
      return closed ? refusedRegistration() : writtenRegistration();
    },
    services: async () => {
      throw rpcError(
        'UNIMPLEMENTED',
        'a direct registry is a list of addresses and does not know which services they have',
      );
    },
    close: async () => {
      closed = true;
      watches.close();
    },
  };
}
