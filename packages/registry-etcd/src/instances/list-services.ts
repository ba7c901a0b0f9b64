import type { ClientHolder } from '../client/client-holder.js';
import type { ServiceKeys } from '../keys.js';
import type { EtcdTiming } from '../timing.js';

/** What listing needs. */
export interface ListServicesEnvironment {
  readonly holder: ClientHolder;
  readonly keys: ServiceKeys;
  readonly timing: EtcdTiming;
}

/**
 * The names of all services that have an instance, ordered. It reads only keys, and after each page skips the rest of the last
 * service in it, so that a service with thousands of instances costs one page.
 *
 * @throws EtcdError
 */
export async function listServices({ holder, keys, timing }: ListServicesEnvironment): Promise<readonly string[]> {
  const services = new Set<string>();
  const { key: start, rangeEnd } = keys.all();
  let key = start;
  for (;;) {
    const request = { key, rangeEnd, limit: PAGE_KEYS, keysOnly: true };
    const page = await holder.call(timing.callDeadlineMs, (port, deadlineMs) => port.range(request, deadlineMs));
    for (const entry of page.entries) {
      const found = keys.serviceOf(entry.key);
      if (found !== undefined) services.add(found.service);
    }
    const last = page.entries.at(-1);
    if (!page.more || last === undefined || services.size >= SERVICES_MAX) return [...services].sort();
    key = keys.serviceOf(last.key)?.next ?? `${last.key}\0`;
  }
}

const PAGE_KEYS = 500;
/** More services than these in etcd must not fill this process. */
const SERVICES_MAX = 10_000;
