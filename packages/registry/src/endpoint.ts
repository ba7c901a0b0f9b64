import type { EndpointSecret } from './endpoint-secret.js';

/**
 * Whether an instance takes new calls: `up`, or `unavailable` for a while, in which clients stay connected, or `draining`, which is
 * written before it leaves.
 */
export type EndpointState = 'up' | 'unavailable' | 'draining';

/** One server process as a client sees it: where it is reached and what it says of itself. */
export interface Endpoint {
  /** The instance's id; a restarted process has another one even on the same address. */
  readonly id: string;
  /** Host name or address (IPv6 without brackets); `''` when `path` is given. */
  readonly host: string;
  /** TCP port, 1 to 65535; 0 when `path` is given. */
  readonly port: number;
  /** Path of a unix socket instead of host and port. */
  readonly path?: string | undefined;
  /** Share of the traffic relative to its peers, 0 (none) to 10,000; default 100. */
  readonly weight: number;
  readonly zone?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly version?: string | undefined;
  readonly state: EndpointState;
  /**
   * When it began to serve, in milliseconds since 1970 by its own clock. For people only: clocks differ, so it may lie in the
   * future.
   */
  readonly startedAtMs?: number | undefined;
  /** The protocol that it speaks: `rpc/1`. */
  readonly protocol?: string | undefined;
  /** What it can do besides, by name; a newer version may name what this one does not know. */
  readonly features?: readonly string[] | undefined;
  /** True where the id is made up from the address (`direct`): whichever instance answers there is the right one. */
  readonly isAnyInstance?: boolean | undefined;
  /** What client and server show each other that they know; only where nobody else can read the entry (`local`). */
  readonly secret?: EndpointSecret | undefined;
}

/** `host:port` (IPv6 in brackets) or `unix:path`: how an endpoint is named in errors, events and tables. */
export function endpointAddress(endpoint: Pick<Endpoint, 'host' | 'port' | 'path'>): string {
  if (endpoint.path !== undefined) return `unix:${endpoint.path}`;
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}

/**
 * For how long an instance has been running, in milliseconds: at least 0, whatever its clock says; `undefined` when it does not
 * say when it began.
 *
 * @param wallNowMs - milliseconds since 1970, see `Clock.wallNow`
 */
export function uptimeMs({ startedAtMs }: Pick<Endpoint, 'startedAtMs'>, wallNowMs: number): number | undefined {
  return startedAtMs === undefined ? undefined : Math.max(0, wallNowMs - startedAtMs);
}
