import type { Endpoint } from '../endpoint.js';
import type { GoneReason } from '../registry.js';
import type { ServiceView } from '../watch-list.js';
import { isRunning } from './local-owner.js';
import type { Scan } from './local-scan.js';

/**
 * What a scan says of one service.
 *
 * An endpoint has `left` when its goodbye is there, it no longer offers the service, or it was draining; it is `dead` when its
 * process is. One whose file vanished or became unreadable while its process runs is `unknown`: somebody meddled, and its
 * owner will write it anew.
 *
 * @param before - the scan before, which may list what is missing now
 */
export function viewOf(service: string, scan: Scan, before: Scan | undefined): ServiceView {
  const endpoints: Endpoint[] = [];
  for (const { entry, state } of scan.values()) {
    const { services, endpoint } = entry.instance;
    if (state === 'live' && services.includes(service)) endpoints.push(endpoint);
  }
  return { endpoints, reasonOf: (id) => reasonOf(id, scan, before) };
}

function reasonOf(id: string, scan: Scan, before: Scan | undefined): GoneReason {
  const now = scan.get(id);
  if (now !== undefined) return now.state === 'live' ? 'left' : now.state;
  const known = before?.get(id);
  if (known === undefined) return 'unknown';
  if (known.state !== 'live') return known.state;
  if (!isRunning(known.entry.owner)) return 'dead';
  return known.entry.instance.endpoint.state === 'draining' ? 'left' : 'unknown';
}
