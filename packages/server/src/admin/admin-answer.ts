import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { ServerState } from '../state.js';
import { isLoopback, type ResolvedAdmin } from './admin-options.js';
import { metricsText } from './metrics-text.js';

/** What the admin port needs of its server. */
export interface AdminHost {
  state(): ServerState;
  /** Begins to drain, as if a signal had come. */
  drain(): void;
}

/** A request as far as it counts here. */
export interface AdminRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Of a PUT. */
  readonly body: string;
}

/** What is answered. */
export interface AdminAnswer {
  readonly status: number;
  readonly type: 'text/plain' | 'application/json';
  readonly body: string;
  /** The methods that there are, where it was another. */
  readonly allow?: string;
}

type Route = (request: AdminRequest, admin: ResolvedAdmin, host: AdminHost) => AdminAnswer | Promise<AdminAnswer>;

/** By path, then by method. */
const ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  '/livez': { GET: () => text(200, 'ok') },
  '/readyz': {
    GET: (_request, _admin, host) => {
      const reason = whyNotReady(host.state());
      return reason === undefined ? text(200, 'ok') : text(503, reason);
    },
  },
  '/metrics': {
    GET: async (_request, { metrics }, host) => text(200, metricsText(host.state()) + ((await metrics?.()) ?? '')),
  },
  '/state': {
    GET: (_request, _admin, host) => ({
      status: 200,
      type: 'application/json',
      body: `${JSON.stringify(host.state())}\n`,
    }),
  },
  '/drain': {
    POST: (_request, _admin, host) => {
      host.drain();
      return text(202, 'draining');
    },
  },
  '/log-level': {
    GET: (_request, { logLevel }) => (logLevel === undefined ? noLogLevel() : text(200, logLevel.get())),
    PUT: ({ body }, { logLevel }) => {
      const level = body.trim();
      if (logLevel === undefined) return noLogLevel();
      if (!/^\w{1,20}$/.test(level)) return text(400, 'the body is the name of a level, such as debug');
      logLevel.set(level);
      return text(200, logLevel.get());
    },
  },
};

/** Paths that need no token: kubelets have none, and these only say whether the server is well. */
const PUBLIC: ReadonlySet<string> = new Set(['/livez', '/readyz']);

/** Answers a request of an operator or a probe. Never rejects. */
export async function answerAdmin(request: AdminRequest, admin: ResolvedAdmin, host: AdminHost): Promise<AdminAnswer> {
  const refusal = refuse(request, admin);
  if (refusal !== undefined) return refusal;
  const routes = Object.hasOwn(ROUTES, request.path) ? ROUTES[request.path] : undefined;
  if (routes === undefined) return text(404, `there is ${Object.keys(ROUTES).join(', ')}`);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = Object.hasOwn(routes, method) ? routes[method] : undefined;
  if (route === undefined) {
    const allow = Object.keys(routes).join(', ');
    return { ...text(405, `this takes ${allow}`), allow };
  }
  try {
    return await route(request, admin, host);
  } catch (error) {
    return text(500, `it failed: ${(error as Error)?.message}`);
  }
}

function refuse({ path, headers }: AdminRequest, { token, host }: ResolvedAdmin): AdminAnswer | undefined {
  // Web pages in a browser on this machine also reach its loopback address; no operator's tool sends these headers.
  const site = headers['sec-fetch-site'];
  if (headers['origin'] !== undefined || (site !== undefined && site !== 'none'))
    return text(403, 'requests of web pages are not answered');
  if (PUBLIC.has(path)) return undefined;
  if (token === undefined) {
    // Otherwise a page could come in by a name of its own that resolves to this address (DNS rebinding).
    if (isLoopback(host) && !isLoopbackName(headers['host']))
      return text(403, 'without a token this port is asked as 127.0.0.1, [::1] or localhost');
    return undefined;
  }
  const given = /^Bearer (\S+)$/i.exec(String(headers['authorization'] ?? ''))?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token))
    ? undefined
    : text(401, 'this needs the header Authorization: Bearer <admin.token>');
}

function isLoopbackName(name: string | string[] | undefined): boolean {
  const host = String(name ?? '').replace(/:\d+$/, '');
  return host === 'localhost' || host === '[::1]' || (isIP(host) !== 0 && isLoopback(host));
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}

/** The registry does not decide whether a process is ready: an etcd that is down must not stop all rollouts. */
function whyNotReady({ status, services }: ServerState): string | undefined {
  if (status !== 'serving') return status === 'new' ? 'it does not listen yet' : 'it drains';
  const unwell = Object.entries(services).flatMap(([name, { health }]) => (health === 'serving' ? [] : [name]));
  return unwell.length === 0 ? undefined : `not serving: ${unwell.join(', ')}`;
}

function noLogLevel(): AdminAnswer {
  return text(404, 'give createServer the option admin.logLevel');
}

function text(status: number, body: string): AdminAnswer {
  return { status, type: 'text/plain', body: body.endsWith('\n') ? body : `${body}\n` };
}
