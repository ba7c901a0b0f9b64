import { assertFits, assertKnownOptions, assertObject } from '../check.js';
import { isPlainText, type PolicyDescription, RULE_TEXT_MAX } from './description.js';

/** Where to find the key of a call: in its metadata, among its arguments, or in its option `hashKey`. */
export type RouteKey = { readonly metadata: string } | { readonly argument: number } | 'hashKey';

/** The calls that a route is for; every given condition must hold. */
export interface RouteMatch {
  /** The names of methods; left out: every method. */
  readonly methods?: readonly string[] | undefined;
  /** For each key, the value that it must have, or a list of allowed values. */
  readonly metadata?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** Calls whose key lies in some of `of` shards, numbered from 0. */
  readonly shards?: { readonly by: RouteKey; readonly of: number; readonly in: readonly number[] } | undefined;
}

/** The instances that a route leads to; every given condition must hold. */
export interface RouteTarget {
  /** The tags that an instance must have. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly zone?: string | undefined;
  /** Ids of instances, or their addresses. */
  readonly instances?: readonly string[] | undefined;
}

/** Routes some calls to some instances. The first route that a call matches decides, once for all attempts of the call. */
export interface Route {
  /** Unique in its document. The share is drawn by this name: another name draws other calls. */
  readonly name: string;
  readonly match?: RouteMatch | undefined;
  /** The share of the matching calls, in percent, 0 to 100 with at most two decimals (default 100); the others go on to the next route. */
  readonly share?: number | undefined;
  /** The key that decides the share, so that a user stays in it; a higher share only adds keys. Default: `hashKey`, else chance per call. */
  readonly by?: RouteKey | undefined;
  /** Where the calls go. Left out: to any instance, and no later route is tried. */
  readonly to?: RouteTarget | undefined;
  /** When no such instance takes calls: `any` other instance gets the call (default), or the call fails (`none`). */
  readonly otherwise?: 'any' | 'none' | undefined;
}

/** Where calls go, by a rule. */
export const routePolicy: PolicyDescription<Route> = {
  name: 'route',
  option: undefined,
  levels: ['rule'],
  applies: 'nearest',
  rule: 'routes',
  values: {
    name: { type: 'text', isRequired: true, text: 'unique; a share is drawn by it' },
    match: {
      type: 'any',
      text: 'which calls: `methods`, a list of names; `metadata`, an object of values or lists of values; `shards`, `{ by, of, in }`. See [routes](governance/routes.md)',
    },
    share: {
      type: 'number',
      bounds: { min: 0, max: 100 },
      default: 100,
      text: 'of the calls that fit; the others go on to the next route',
    },
    by: {
      type: 'any',
      text: 'what the share goes by: `{ metadata: name }`, `{ argument: number }` or `"hashKey"`; by chance for each call without',
    },
    to: { type: 'any', text: 'which instances: `tags`, `zone`, `instances`; left out: any' },
    otherwise: { type: 'any', text: '`any` or `none`: what becomes of a call when no such instance takes calls' },
  },
};

/** The most names, values or instances in one list. */
const LIST_MAX = 1_000;

/** Checks the target of a route. @throws TypeError naming the path, what it must be, and the value */
export function assertRouteTarget(where: string, path: string, value: unknown): asserts value is RouteTarget {
  assertObject(where, path, value);
  assertKnownOptions(`${where}: ${path}`, value, ['tags', 'zone', 'instances']);
  const { tags, zone, instances } = value as Readonly<Record<string, unknown>>;
  if (tags !== undefined) {
    assertObject(where, `${path}.tags`, tags);
    for (const [key, each] of Object.entries(tags)) assertRouteText(where, `${path}.tags.${key}`, each);
  }
  if (zone !== undefined) assertRouteText(where, `${path}.zone`, zone);
  if (instances !== undefined) assertRouteTexts(where, `${path}.instances`, instances);
}

/** Checks a list of names or values. @throws TypeError */
export function assertRouteTexts(where: string, path: string, value: unknown): void {
  const fits = Array.isArray(value) && value.length <= LIST_MAX;
  assertFits(where, path, `a list of at most ${LIST_MAX}`, value, fits);
  for (const [index, each] of (value as unknown[]).entries()) assertRouteText(where, `${path}.${index}`, each);
}

/** Checks a name or a value. @throws TypeError */
export function assertRouteText(where: string, path: string, value: unknown): asserts value is string {
  assertFits(where, path, `1 to ${RULE_TEXT_MAX} characters of plain text`, value, isRouteText(value));
}

/** Whether `value` can be a name or a value in a route. */
export function isRouteText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= RULE_TEXT_MAX && isPlainText(value);
}
