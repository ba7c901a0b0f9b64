import type { Endpoint } from '@org/rpc-registry';
import { ALPN_PROTOCOL } from '@org/rpc-wire/internal';
import type { ResolvedServerOptions } from '../face/options.js';

/**
 * What a server that begins now says of itself in the registry.
 *
 * @param location - where it is reached
 */
export function ownEndpoint(
  options: ResolvedServerOptions,
  id: string,
  location: Pick<Endpoint, 'host' | 'port' | 'path'>,
): Endpoint {
  const { weight, zone, tags, version, available, tls, clock } = options;
  const features = tls === undefined ? FEATURES : [...FEATURES, 'tls'];
  const state = available ? 'up' : 'unavailable';
  const startedAtMs = Math.round(clock.wallNow());
  return { ...location, id, weight, zone, tags, version, state, startedAtMs, protocol: ALPN_PROTOCOL, features };
}

/** What every server of this version can do besides calls. */
const FEATURES: readonly string[] = ['streams', 'messagepack-rpc', 'compression'];
