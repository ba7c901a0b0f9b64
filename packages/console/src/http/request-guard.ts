import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Where the console is served, and the token that allows changes. */
export interface Site {
  /** The allowed values of the `Host` header, such as `127.0.0.1:4380`. */
  readonly hosts: ReadonlySet<string>;
  /** `undefined`: nothing can be changed. */
  readonly token: string | undefined;
  /** Whether other machines can reach it: then reading needs the token too. */
  readonly isPublic: boolean;
}

/** Why a request is not answered. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 415;
  readonly message: string;
}

/** The parts of a request that the guard checks. */
export interface GuardedRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** Whether the request changes something. */
  readonly changes: boolean;
  /** Whether the request is for a file of the page, which has no secrets. */
  readonly isAsset: boolean;
}

/**
 * Returns why a request is refused, `undefined` when it may be answered. Only the console's own page is answered: other pages in the same
 * browser can reach this address too, under a name of their own that resolves to it (DNS rebinding), or with a form (CSRF).
 */
export function refuse({ method, headers, changes, isAsset }: GuardedRequest, site: Site): Refusal | undefined {
  if (!site.hosts.has(String(headers.host ?? '').toLowerCase()))
    return { status: 403, message: `this is asked as ${[...site.hosts].join(' or ')}` };
  const { origin } = headers;
  if (origin !== undefined && !site.hosts.has(origin.toLowerCase().replace(/^https?:\/\//, '')))
    return { status: 403, message: 'requests of other pages are not answered' };
  const from = headers['sec-fetch-site'];
  // `none`: a person has typed the address or followed a bookmark.
  if (from !== undefined && from !== 'same-origin' && from !== 'none' && !(isAsset && method === 'GET'))
    return { status: 403, message: 'requests of other pages are not answered' };
  if (isAsset) return undefined;
  // Forms of other pages cannot send this type without a preflight request.
  if (method !== 'GET' && headers['content-type'] !== 'application/json')
    return { status: 415, message: 'the body is application/json' };
  if (!changes && !site.isPublic) return undefined;
  if (site.token === undefined)
    return { status: 403, message: 'this console only shows: begin it with --token to change things' };
  return hasToken(headers, site.token) ? undefined : { status: 401, message: 'this needs the token of the console' };
}

/** Whether the right token was sent, compared in constant time. */
export function hasToken({ authorization }: IncomingHttpHeaders, token: string): boolean {
  const given = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
