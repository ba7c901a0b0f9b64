import { assertFits, assertKnownOptions, assertObject } from '../check.js';
import { isPlainText, type PolicyDescription, RULE_TEXT_MAX } from './description.js';

/** Where the key of a call is found: in its metadata, among its arguments, or in its option `hashKey`. */
export type RouteKey = { readonly metadata: string } | { readonly argument: number } | 'hashKey';

/** Which calls a route is for; all that is given must fit. */
export interface RouteMatch {
  /** The names of methods; left out: all. */
  readonly methods?: readonly string[] | undefined;
  /** By key: the value, or the values of which it must be one. */
  readonly metadata?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** Calls whose key lies in some of `of` shards, numbered from 0. */
  readonly shards?: { readonly by: RouteKey; readonly of: number; readonly in: readonly number[] } | undefined;
}

/** Which instances a route leads to; all that is given must fit. */
export interface RouteTarget {
  /** The tags that an instance must have. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly zone?: string | undefined;
  /** Ids of instances, or their addresses. */
  readonly instances?: readonly string[] | undefined;
}

/** Where some calls go: the first route that a call fits decides, once for all its attempts. */
export interface Route {
  /** Unique in its document; a share is drawn by it, so that another name draws anew. */
  readonly name: string;
  readonly match?: RouteMatch | undefined;
  /** The share of the calls that fit, 0 to 100 with at most two decimals (default 100); the others go on to the next route. */
  readonly share?: number | undefined;
  /** What the share goes by, so that a user stays in it; a higher share only adds some. Default: `hashKey`, else chance for each call. */
  readonly by?: RouteKey | undefined;
  /** Left out: any instance, and no later route. */
  readonly to?: RouteTarget | undefined;
  /** What becomes of a call when no such instance takes calls: `any` other takes it (default), or it fails (`none`). */
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

/** Names, values and instances in one list. */
const LIST_MAX = 1_000;

/** Checks which instances are meant. @throws TypeError naming the path, what it must be, and the value */
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

/** Whether it is a name or a value. */
export function isRouteText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= RULE_TEXT_MAX && isPlainText(value);
}
