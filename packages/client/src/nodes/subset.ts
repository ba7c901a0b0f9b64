import type { SubsetOptions } from '@org/rpc-core';
import { POLICIES } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { hash, mix } from '../policy/hash.js';

/** So many instances are all of them. */
export const SUBSET_ALL: number = POLICIES.subset.off!.size!;

/** Instances of a zone with the same version and tags are a group of their own, of which each client has some; with more groups than this, all are one. */
const GROUPS_MAX = 16;

/** The least that a client has of each group. */
const GROUP_MIN = 3;

/** No instance has so many times the clients that it would have if all had the same. */
const EVEN = 1.1;

/** With more clients times instances than this, chance is as even, and costs less. */
const EVEN_WORK_MAX = 4_000_000;

/**
 * The instances that a client uses: the same ones each time, whatever the order of the list; when one comes or goes, hardly any other
 * does. A client of hundreds of instances has hundreds of connections to ask and to keep, and knows little of each.
 *
 * Sources: rendezvous hashing (D. Thaler, C. Ravishankar, 1998), as in gRPC A68; bounded loads (V. Mirrokni and others, 2018) for the even parts.
 * @param name - of the client
 */
export function chooseSubset(all: readonly Endpoint[], options: SubsetOptions, name: string): readonly Endpoint[] {
  const { size: wanted = SUBSET_ALL } = options;
  if (wanted >= SUBSET_ALL) return all;
  const heavy = all.filter(({ weight, state }) => weight > 0 && state === 'up');
  if (heavy.length <= wanted) return all;
  const chosen = new Set<Endpoint>();
  for (const group of groupsOf(heavy)) {
    const share = Math.ceil((wanted * group.length) / heavy.length);
    const size = Math.min(group.length, Math.max(share, Math.min(GROUP_MIN, wanted)));
    for (const endpoint of chooseOf(group, size, options, name)) chosen.add(endpoint);
  }
  // What takes no calls now costs little, and whoever has calls there must hear of its end.
  return all.filter((endpoint) => chosen.has(endpoint) || endpoint.state !== 'up');
}

/** By zone, version and tags: rules lead calls by them, and where a client had none of a group it could not follow. */
function groupsOf(endpoints: readonly Endpoint[]): readonly (readonly Endpoint[])[] {
  const groups = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const tags = Object.entries(endpoint.tags ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([endpoint.zone, endpoint.version, tags]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [endpoint]);
    else group.push(endpoint);
    if (groups.size > GROUPS_MAX) return [endpoints];
  }
  return [...groups.values()];
}

function chooseOf(
  group: readonly Endpoint[],
  size: number,
  { index, of }: SubsetOptions,
  name: string,
): readonly Endpoint[] {
  if (size === group.length) return group;
  const ids = group.map(({ id }) => hash(id));
  const isEven = index !== undefined && of !== undefined && of * group.length <= EVEN_WORK_MAX;
  const seed = index === undefined ? hash(name) : seedOf(index);
  const places = isEven ? evenly(ids, size, index, of) : ranked(ids, seed).slice(0, size);
  return places.map((place) => group[place]!);
}

function seedOf(index: number): number {
  return mix(index + 1);
}

/** All places, the one that fits best first. */
function ranked(ids: readonly number[], seed: number): number[] {
  const scores = ids.map((id) => mix(id ^ seed));
  return scores.map((_, place) => place).sort((a, b) => scores[a]! - scores[b]! || a - b);
}

/** What is left for the client after each one before it has taken what fits it best of what has room. */
function evenly(ids: readonly number[], size: number, index: number, of: number): readonly number[] {
  const room = new Array<number>(ids.length).fill(Math.ceil((EVEN * of * size) / ids.length));
  let taken: number[] = [];
  for (let client = 0; client <= index; client++) {
    const order = ranked(ids, seedOf(client));
    taken = order.filter((place) => room[place]! > 0).slice(0, size);
    // Rounding may leave the last ones less room than they need.
    for (const place of order) {
      if (taken.length === size) break;
      if (!taken.includes(place)) taken.push(place);
    }
    for (const place of taken) room[place]!--;
  }
  return taken;
}
