import type { Call, Destination, NodeSubset, Random, Route, RouteKey, RouteTarget } from '@org/rpc-core';
import { type Endpoint, endpointAddress } from '@org/rpc-registry';
import { hash } from './hash.js';

/** A share has two decimals. */
const STEPS = 10_000;

/** A route as the calls of one method see it. */
interface OwnRoute {
  readonly route: Route;
  readonly subset: Subset | undefined;
}

/**
 * Finds where calls of a method go. Decided once for a call, so that its attempts go to instances of the same kind, and by its key,
 * so that a user stays where they are; a share that grows only adds some.
 */
export class Router {
  readonly #service: string;
  readonly #routes: readonly OwnRoute[];
  readonly #random: Random;

  private constructor(service: string, routes: readonly OwnRoute[], random: Random) {
    this.#service = service;
    this.#routes = routes;
    this.#random = random;
  }

  /** @returns `undefined` when no route is for this method, so that its calls pay nothing */
  static of(service: string, method: string, routes: readonly Route[], random: Random): Router | undefined {
    const own = routes.filter(({ match }) => match?.methods?.includes(method) ?? true);
    if (own.length === 0) return undefined;
    return new Router(
      service,
      own.map((route) => ({ route, subset: route.to && new Subset(route, route.to) })),
      random,
    );
  }

  /** Where a call goes; `undefined` for any instance. */
  choose(call: Call): NodeSubset | undefined {
    for (const { route, subset } of this.#routes) if (this.#fits(call, route)) return subset;
    return undefined;
  }

  #fits(call: Call, { name, match, share = 100, by }: Route): boolean {
    if (match?.metadata !== undefined && !hasMetadata(call, match.metadata)) return false;
    if (match?.shards !== undefined) {
      const key = keyOf(call, match.shards.by);
      // Without the route's name: the shards of all routes of a service are the same.
      if (key === undefined || !match.shards.in.includes(hash(`${this.#service}\0${key}`) % match.shards.of))
        return false;
    }
    if (share >= 100) return true;
    const key = by === undefined ? call.hashKey : keyOf(call, by);
    if (key === undefined && by !== undefined) return false;
    const drawn = key === undefined ? this.#random() * STEPS : hash(`${this.#service}\0${name}\0${key}`) % STEPS;
    return drawn < (share / 100) * STEPS;
  }
}

function hasMetadata({ metadata }: Call, wanted: Readonly<Record<string, string | readonly string[]>>): boolean {
  for (const [key, value] of Object.entries(wanted)) {
    const given = metadata?.[key];
    if (given === undefined || !(typeof value === 'string' ? value === given : value.includes(given))) return false;
  }
  return true;
}

function keyOf(call: Call, by: RouteKey): string | undefined {
  if (by === 'hashKey') return call.hashKey;
  const value = 'metadata' in by ? call.metadata?.[by.metadata] : call.args[by.argument];
  return value === undefined || value === null ? undefined : String(value);
}

/** The instances that a route leads to. */
export class Subset implements NodeSubset {
  readonly key: string;
  readonly name: string;
  readonly isStrict: boolean;
  readonly #target: RouteTarget;

  constructor({ name, otherwise }: Pick<Route, 'name' | 'otherwise'>, target: RouteTarget) {
    this.name = name;
    this.isStrict = otherwise === 'none';
    this.key = JSON.stringify(target);
    this.#target = target;
  }

  includes(node: Destination): boolean {
    const { endpoint } = node as { readonly endpoint?: Endpoint };
    if (endpoint === undefined) return false;
    const { tags = {}, zone, instances } = this.#target;
    if (zone !== undefined && endpoint.zone !== zone) return false;
    if (instances !== undefined && !instances.includes(endpoint.id) && !instances.includes(endpointAddress(endpoint)))
      return false;
    return Object.entries(tags).every(([key, value]) => endpoint.tags?.[key] === value);
  }
}

/** What a dark route would have changed in the choice of the node; `undefined` when nothing. */
export function judgeRoute({ destination }: Call, subset: NodeSubset | undefined): string | undefined {
  if (subset === undefined || destination === undefined || subset.includes(destination)) return undefined;
  return `the route "${subset.name}" would have led elsewhere`;
}
