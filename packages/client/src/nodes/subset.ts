import { assertKnownOptions, assertNumber, assertObject } from '@org/rpc-core/internal';
import type { Endpoint, Gone, Registry, RegistryEnvironment, Snapshot } from '@org/rpc-registry';
import { wrapHandle } from '@org/rpc-registry/internal';
import { hash, mix } from '../policy/hash.js';

/** Which part of the instances of a service a client uses. */
export interface SubsetOptions {
  /** How many instances, 1 to 10,000; of services that have fewer, all. Less than 12 is seldom enough for some of them to be slow or ill. */
  readonly size: number;
  /**
   * The number of this client among those that use the same services, from 0 on, such as the ordinal of its pod; with `of`. Then the
   * parts are even: hardly any instance has 10 % more clients than the mean. Left out, they are drawn by the client's name, and differ by chance.
   */
  readonly index?: number | undefined;
  /** How many such clients there are, 1 to 100,000. A number that is not up to date makes parts less even, nothing worse. */
  readonly of?: number | undefined;
}

/** Instances of a zone with the same version and tags are a group of their own, of which each client has some; with more groups than this, all are one. */
const GROUPS_MAX = 16;

/** The least that a client has of each group. */
const GROUP_MIN = 3;

/** No instance has so many times the clients that it would have if all had the same. */
const EVEN = 1.1;

/** With more clients times instances than this, chance is as even, and costs less. */
const EVEN_WORK_MAX = 4_000_000;

/** @throws TypeError naming a wrong option */
export function checkSubset(where: string, options: SubsetOptions | undefined): void {
  if (options === undefined) return;
  assertObject(where, 'subset', options);
  const { size, index, of } = options as SubsetOptions;
  assertKnownOptions(`${where}: subset`, options, ['size', 'index', 'of']);
  assertNumber(where, 'subset.size', size, { min: 1, max: 10_000, integer: true });
  if (index === undefined && of === undefined) return;
  assertNumber(where, 'subset.of', of, { min: 1, max: 100_000, integer: true });
  assertNumber(where, 'subset.index', index, { min: 0, max: of - 1, integer: true });
}

/**
 * A registry that lists of each service the part that a client uses. What leaves the part, because another one fits better, counts as having
 * left: calls in flight there are finished.
 *
 * @param name - of the client
 */
export function subsetRegistry(registry: Registry, options: SubsetOptions, name: string): Registry {
  return Object.freeze({
    ...registry,
    open(environment: RegistryEnvironment) {
      const handle = registry.open(environment);
      return wrapHandle(handle, {
        watch(service: string, publish: (snapshot: Snapshot) => void) {
          let before: ReadonlySet<string> = new Set();
          return handle.watch(service, (snapshot) => {
            const endpoints = chooseSubset(snapshot.endpoints, options, name);
            const now = new Set(endpoints.map(({ id }) => id));
            const left: Gone[] = [];
            if (endpoints.length < snapshot.endpoints.length)
              for (const { id } of snapshot.endpoints)
                if (before.has(id) && !now.has(id)) left.push(Object.freeze({ id, reason: 'left' }));
            before = now;
            if (endpoints === snapshot.endpoints) return publish(snapshot);
            const gone = Object.freeze([...snapshot.gone, ...left]);
            const unused = snapshot.endpoints.length - endpoints.length;
            publish(Object.freeze({ ...snapshot, endpoints: Object.freeze(endpoints), gone, unused }));
          });
        },
      });
    },
  });
}

/**
 * The instances that a client uses: the same ones each time, whatever the order of the list; when one comes or goes, hardly any other
 * does. A client of hundreds of instances has hundreds of connections to ask and to keep, and knows little of each.
 *
 * Sources: rendezvous hashing (D. Thaler, C. Ravishankar, 1998), as in gRPC A68; bounded loads (V. Mirrokni and others, 2018) for the even parts.
 * @param name - of the client
 */
export function chooseSubset(all: readonly Endpoint[], options: SubsetOptions, name: string): readonly Endpoint[] {
  const heavy = all.filter(({ weight, state }) => weight > 0 && state === 'up');
  if (heavy.length <= options.size) return all;
  const chosen = new Set<Endpoint>();
  for (const group of groupsOf(heavy)) {
    const share = Math.ceil((options.size * group.length) / heavy.length);
    const size = Math.min(group.length, Math.max(share, Math.min(GROUP_MIN, options.size)));
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
