import { assertFits, assertKnownOptions, assertNumber, assertObject } from '../check.js';
import {
  assertRouteTarget,
  assertRouteText,
  assertRouteTexts,
  isRouteText,
  type Route,
  type RouteKey,
  type RouteMatch,
  type RouteTarget,
} from '../policies/route.js';

/** The most routes in a document: a call checks them one after the other. */
const ROUTES_MAX = 100;

const SHARDS_MAX = 65_536;

/** Reads the routes of a document. @throws TypeError that names path, bound and value */
export function readRoutes(where: string, path: string, value: unknown): readonly Route[] {
  const names = new Set<string>();
  const routes = readList(where, path, value, ROUTES_MAX, (each, at) => {
    const route = readRoute(where, at, each);
    assertFits(where, `${at}.name`, 'unique among the routes', route.name, !names.has(route.name));
    names.add(route.name);
    return route;
  });
  return routes;
}

function readRoute(where: string, path: string, value: unknown): Route {
  const route = readObject(where, path, value, ['name', 'match', 'share', 'by', 'to', 'otherwise']);
  const { name, match, share, by, to, otherwise } = route;
  assertRouteText(where, `${path}.name`, name);
  if (share !== undefined) {
    assertNumber(where, `${path}.share`, share, { min: 0, max: 100 });
    const hasTwo = /^\d+(\.\d{1,2})?$/.test(String(share));
    assertFits(where, `${path}.share`, 'a number with at most two decimals', share, hasTwo);
  }
  if (by !== undefined) assertKey(where, `${path}.by`, by);
  const isKnown = otherwise === undefined || otherwise === 'any' || otherwise === 'none';
  assertFits(where, `${path}.otherwise`, '"any" or "none"', otherwise, isKnown);
  return Object.freeze({
    name,
    ...(match === undefined ? {} : { match: readMatch(where, `${path}.match`, match) }),
    ...(share === undefined ? {} : { share }),
    ...(by === undefined ? {} : { by: frozen(by) as RouteKey }),
    ...(to === undefined ? {} : { to: readTarget(where, `${path}.to`, to) }),
    ...(otherwise === undefined ? {} : { otherwise: otherwise as 'any' | 'none' }),
  });
}

function readMatch(where: string, path: string, value: unknown): RouteMatch {
  const { methods, metadata, shards } = readObject(where, path, value, ['methods', 'metadata', 'shards']);
  if (methods !== undefined) assertRouteTexts(where, `${path}.methods`, methods);
  if (metadata !== undefined) {
    assertObject(where, `${path}.metadata`, metadata);
    for (const [key, each] of Object.entries(metadata)) {
      if (Array.isArray(each)) assertRouteTexts(where, `${path}.metadata.${key}`, each);
      else assertRouteText(where, `${path}.metadata.${key}`, each);
    }
  }
  if (shards !== undefined) {
    const { by, of, in: numbers } = readObject(where, `${path}.shards`, shards, ['by', 'of', 'in']);
    assertKey(where, `${path}.shards.by`, by);
    assertNumber(where, `${path}.shards.of`, of, { min: 1, max: SHARDS_MAX, integer: true });
    readList(where, `${path}.shards.in`, numbers, SHARDS_MAX, (each, at) =>
      assertNumber(where, at, each, { min: 0, max: (of as number) - 1, integer: true }),
    );
  }
  return frozen(value) as RouteMatch;
}

function readTarget(where: string, path: string, value: unknown): RouteTarget {
  assertRouteTarget(where, path, value);
  return frozen(value) as RouteTarget;
}

function assertKey(where: string, path: string, value: unknown): asserts value is RouteKey {
  const { metadata, argument } = (value ?? {}) as { readonly metadata?: unknown; readonly argument?: unknown };
  const isArgument = Number.isInteger(argument) && (argument as number) >= 0 && (argument as number) < 256;
  const isOne = value === 'hashKey' || isRouteText(metadata) !== isArgument;
  assertFits(where, path, '{ metadata: name }, { argument: number } or "hashKey"', value, isOne);
}

/** Freezes a checked value, so that nobody changes it. */
function frozen(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) frozen(each);
  return Object.freeze(value);
}

function readList<T>(
  where: string,
  path: string,
  value: unknown,
  max: number,
  read: (each: unknown, path: string) => T,
): readonly T[] {
  const fits = Array.isArray(value) && value.length <= max;
  assertFits(where, path, `a list of at most ${max}`, value, fits);
  return Object.freeze((value as unknown[]).map((each, index) => read(each, `${path}.${index}`)));
}

function readObject(where: string, path: string, value: unknown, known: readonly string[]): Record<string, unknown> {
  assertObject(where, path, value);
  assertKnownOptions(`${where}: ${path}`, value, known);
  return value;
}
