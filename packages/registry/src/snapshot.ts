import type { Endpoint } from './endpoint.js';
import { sameEndpoint } from './endpoint-data.js';
import type { Gone, GoneReason, Snapshot } from './registry.js';

/**
 * Makes the snapshot that follows another: ordered by id, frozen, with what has left the list since.
 *
 * @param endpoints - the whole list, each endpoint frozen; of two with one id the last counts
 * @param previous - the snapshot before, `undefined` for the first one
 * @param reasonOf - asked once for each endpoint that is no longer listed
 */
export function nextSnapshot(
  endpoints: Iterable<Endpoint>,
  previous: Snapshot | undefined,
  reasonOf: (id: string) => GoneReason,
): Snapshot {
  const list = [...endpoints];
  const gone: Gone[] = [];
  // The usual case, in which some have changed and none has come or gone: the same ids in the same order.
  if (previous !== undefined && hasSameIds(list, previous.endpoints))
    return Object.freeze({ endpoints: Object.freeze(list), fresh: true, gone: Object.freeze(gone) });
  const ordered = inOrder(list);
  // Both lists are in order: one walk through them finds what is missing.
  let at = 0;
  for (const { id } of previous?.endpoints ?? []) {
    while (at < ordered.length && ordered[at]!.id < id) at++;
    if (ordered[at]?.id !== id) gone.push(Object.freeze({ id, reason: reasonOf(id) }));
  }
  return Object.freeze({ endpoints: Object.freeze(ordered), fresh: true, gone: Object.freeze(gone) });
}

/** The last list once more, marked as not fresh: nothing leaves it while nobody can tell. */
export function staleSnapshot(previous: Snapshot): Snapshot {
  return Object.freeze({ endpoints: previous.endpoints, fresh: false, gone: Object.freeze([]) });
}

/** Whether a snapshot says nothing that the one before did not. */
export function sameSnapshot(snapshot: Snapshot, previous: Snapshot | undefined): boolean {
  if (previous === undefined || snapshot.fresh !== previous.fresh || snapshot.gone.length > 0) return false;
  if (snapshot.endpoints.length !== previous.endpoints.length) return false;
  return snapshot.endpoints.every((endpoint, index) => sameEndpoint(endpoint, previous.endpoints[index]!));
}

function hasSameIds(list: readonly Endpoint[], before: readonly Endpoint[]): boolean {
  return list.length === before.length && list.every(({ id }, index) => id === before[index]!.id);
}

/** By id, the last of each; the list itself when it is so already, as it usually is. */
function inOrder(endpoints: Endpoint[]): readonly Endpoint[] {
  let isOrdered = true;
  for (let i = 1; i < endpoints.length && isOrdered; i++) isOrdered = endpoints[i - 1]!.id < endpoints[i]!.id;
  if (isOrdered) return endpoints;
  const byId = new Map<string, Endpoint>();
  for (const endpoint of endpoints) byId.set(endpoint.id, endpoint);
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
