import { isIPv6 } from 'node:net';
import { assertName, assertNumber, assertObject, describeValue } from '@org/rpc-core/internal';
import type { Endpoint, EndpointState } from './endpoint.js';
import { EndpointSecret } from './endpoint-secret.js';
import type { Instance } from './registry.js';

/** The most services that one instance may have. */
export const INSTANCE_SERVICES_MAX = 1_000;

/** The weight of an endpoint that says nothing of it. */
export const DEFAULT_WEIGHT = 100;

/**
 * Checks an instance that came from a user or out of a registry, and copies it frozen: services without repetition, the
 * endpoint by {@link readEndpoint}.
 *
 * @param where - who gave it, for the message: `register`
 * @throws TypeError that names field, rule and value
 */
export function readInstance(where: string, value: unknown): Instance {
  assertObject(where, 'the instance', value);
  const { services, endpoint } = value;
  if (!Array.isArray(services) || services.length > INSTANCE_SERVICES_MAX) {
    throw new TypeError(
      `${where}: services must be a list of at most ${INSTANCE_SERVICES_MAX} names, got ${describeValue(services)}`,
    );
  }
  for (const service of services) assertName(`${where}: the name of a service`, service);
  const names = Object.freeze([...new Set<string>(services)]);
  return Object.freeze({ services: names, endpoint: readEndpoint(where, endpoint) });
}

/**
 * Checks an endpoint that came from a user or out of a registry, and copies it deeply frozen. Unknown fields are left out,
 * because a newer version may have written them; `weight` and `state` have defaults.
 *
 * @param where - who gave it, for the message: `etcd key /shop/services/cart/1`
 * @throws TypeError that names field, rule and value
 */
export function readEndpoint(where: string, value: unknown): Endpoint {
  assertObject(where, 'endpoint', value);
  const endpoint: Endpoint = {
    id: readText(where, 'id', value['id'], ID_LENGTH_MAX),
    ...readAddress(where, value),
    weight: readWeight(where, value['weight']),
    ...optional('zone', readOptionalText(where, 'zone', value['zone'])),
    ...optional('tags', readTags(where, value['tags'])),
    ...optional('version', readOptionalText(where, 'version', value['version'])),
    state: readState(where, value['state']),
    ...optional('startedAtMs', readOptionalTime(where, value['startedAtMs'])),
    ...optional('protocol', readOptionalText(where, 'protocol', value['protocol'])),
    ...optional('features', readFeatures(where, value['features'])),
    // A secret that was read as text is dropped here: only `local` reads one.
    ...optional('secret', value['secret'] instanceof EndpointSecret ? value['secret'] : undefined),
  };
  return Object.freeze(endpoint);
}

/** Whether two endpoints that {@link readEndpoint} made say the same. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a === b || (JSON.stringify(a) === JSON.stringify(b) && a.secret?.reveal() === b.secret?.reveal());
}

const ID_LENGTH_MAX = 200;
const TEXT_LENGTH_MAX = 200;
const HOST_LENGTH_MAX = 253;
const PATH_LENGTH_MAX = 255;
const WEIGHT_MAX = 10_000;
const TAGS_MAX = 64;
const FEATURES_MAX = 64;
/** The last moment that a `Date` can show. */
const WALL_TIME_MAX = 8.64e15;
const TAG_VALUE_LENGTH_MAX = 1_000;
/** Host names and IPv4 addresses. A host is put into logs, errors and name look-ups, so nothing else is allowed. */
const HOST_PATTERN = /^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL_PATTERN = /[\u0000-\u001f\u007f]/;

function readAddress(where: string, endpoint: Record<string, unknown>): Pick<Endpoint, 'host' | 'port' | 'path'> {
  const { host, port, path } = endpoint;
  if (path !== undefined) {
    if ((host !== undefined && host !== '') || (port !== undefined && port !== 0)) {
      throw new TypeError(`${where}: an endpoint has either a path or host and port, got both`);
    }
    return { host: '', port: 0, path: readText(where, 'path', path, PATH_LENGTH_MAX) };
  }
  const text = readText(where, 'host', host, HOST_LENGTH_MAX);
  if (!HOST_PATTERN.test(text) && !isIPv6(text)) {
    throw new TypeError(
      `${where}: host must be a host name or an address without brackets, got ${describeValue(host)}`,
    );
  }
  assertNumber(where, 'port', port, { min: 1, max: 65_535, integer: true });
  return { host: text, port };
}

function readWeight(where: string, weight: unknown): number {
  if (weight === undefined) return DEFAULT_WEIGHT;
  assertNumber(where, 'weight', weight, { min: 0, max: WEIGHT_MAX });
  return weight;
}

function readState(where: string, state: unknown): EndpointState {
  if (state === undefined || state === 'up') return 'up';
  if (state === 'unavailable' || state === 'draining') return state;
  throw new TypeError(`${where}: state must be "up", "unavailable" or "draining", got ${describeValue(state)}`);
}

function readOptionalTime(where: string, time: unknown): number | undefined {
  if (time === undefined) return undefined;
  assertNumber(where, 'startedAtMs', time, { min: 0, max: WALL_TIME_MAX, integer: true });
  return time;
}

function readFeatures(where: string, features: unknown): readonly string[] | undefined {
  if (features === undefined) return undefined;
  if (!Array.isArray(features) || features.length > FEATURES_MAX) {
    throw new TypeError(
      `${where}: features must be a list of at most ${FEATURES_MAX} names, got ${describeValue(features)}`,
    );
  }
  for (const feature of features) assertName(`${where}: the name of a feature`, feature);
  return Object.freeze([...new Set<string>(features)]);
}

function readTags(where: string, tags: unknown): Readonly<Record<string, string>> | undefined {
  if (tags === undefined) return undefined;
  assertObject(where, 'tags', tags);
  const entries = Object.entries(tags);
  if (entries.length > TAGS_MAX) {
    throw new TypeError(`${where}: at most ${TAGS_MAX} tags are allowed, got ${entries.length}`);
  }
  for (const [key, value] of entries) {
    readText(where, 'the name of a tag', key, TEXT_LENGTH_MAX);
    if (key === '__proto__') throw new TypeError(`${where}: no tag may be called "__proto__"`);
    if (value !== '') readText(where, `tag ${key}`, value, TAG_VALUE_LENGTH_MAX);
  }
  return Object.freeze(Object.fromEntries(entries) as Record<string, string>);
}

function readOptionalText(where: string, name: string, value: unknown): string | undefined {
  return value === undefined ? undefined : readText(where, name, value, TEXT_LENGTH_MAX);
}

function readText(where: string, name: string, value: unknown, lengthMax: number): string {
  const fits = typeof value === 'string' && value.length > 0 && value.length <= lengthMax;
  if (fits && !CONTROL_PATTERN.test(value)) return value;
  const rule = `text of 1 to ${lengthMax} characters without control characters`;
  throw new TypeError(`${where}: ${name} must be ${rule}, got ${describeValue(value)}`);
}

/** A field that is absent, rather than undefined, when there is no value. */
function optional<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}
