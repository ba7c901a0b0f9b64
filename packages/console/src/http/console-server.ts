import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { isRpcError } from '@org/rpc-core';
import { plainText } from '@org/rpc-core/internal';
import type { Fleet } from '../fleet/fleet.js';
import { API, ApiError } from './api.js';
import { hasToken, refuse, type Site } from './request-guard.js';

/** Where the console is served, and who may change things. */
export interface ConsoleOptions {
  /** The port (default 4380); 0 takes any free port. */
  readonly port?: number | undefined;
  /** The address to listen on; default `127.0.0.1`. Any other needs a token. */
  readonly host?: string | undefined;
  /** A token of 16 or more printable characters; people who have it may change things. Default: nobody may. */
  readonly token?: string | undefined;
}

/** A console that is served. The code that started it must close it; the fleet is not closed with it. */
export interface Console {
  /** The address of the page. */
  readonly url: string;
  /** Idempotent, never rejects. */
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  '/': 'text/html; charset=utf-8',
  '/console.js': 'text/javascript; charset=utf-8',
  '/console.css': 'text/css; charset=utf-8',
};
const FILES: Readonly<Record<string, string>> = {
  '/': 'index.html',
  '/console.js': 'console.js',
  '/console.css': 'console.css',
};
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;
const BODY_BYTES_MAX = 256 * 1_024;
const CONNECTIONS_MAX = 64;
const STREAMS_MAX = 16;
const VIEW_MS = 1_000;
const TOKEN = /^[\x21-\x7e]{16,}$/;

/**
 * Serves the page and its API.
 * @throws TypeError for wrong options; Error in words for people when the port cannot be taken
 */
export async function serveConsole(fleet: Fleet, options: ConsoleOptions = {}): Promise<Console> {
  const { port = 4_380, host = '127.0.0.1', token } = options;
  if (isIP(host) === 0) throw new TypeError(`the console listens on an address such as 127.0.0.1, not on ${host}`);
  if (token !== undefined && !TOKEN.test(token))
    throw new TypeError('the token of the console must have 16 or more printable characters, and no spaces');
  const isPublic = !/^(127\.|::1$)/.test(host);
  if (isPublic && token === undefined) throw new TypeError(`${host} can be reached by others, which needs a token`);
  const assets = readAssets();
  const streams = new Set<ServerResponse>();
  let site: Site;
  const server = createServer((request, response) => {
    void answer(request, response, { fleet, assets, streams, site });
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`cannot listen on ${host}:${port}: ${error.code ?? error.message}`)),
    );
    server.listen({ port, host }, resolve);
  });
  server.on('error', () => {});
  const taken = (server.address() as { port: number }).port;
  const names = [host.includes(':') ? `[${host}]` : host, ...(isPublic ? [] : ['localhost', '127.0.0.1'])];
  site = { hosts: new Set(names.map((name) => `${name}:${taken}`)), token, isPublic };
  return {
    url: `http://${names[0]}:${taken}/`,
    async close() {
      for (const stream of streams) stream.end();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Surroundings {
  readonly fleet: Fleet;
  readonly assets: ReadonlyMap<string, Buffer>;
  readonly streams: Set<ServerResponse>;
  readonly site: Site;
}

async function answer(request: IncomingMessage, response: ServerResponse, around: Surroundings): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  const { method = 'GET', url = '/', headers } = request;
  const [path = '/', query = ''] = url.split('?', 2);
  const asset = method === 'GET' || method === 'HEAD' ? around.assets.get(path) : undefined;
  const route = Object.hasOwn(API, path) ? API[path] : undefined;
  const refusal = refuse(
    { method, headers, changes: route?.changes ?? false, isAsset: asset !== undefined },
    around.site,
  );
  if (refusal !== undefined) return send(response, refusal.status, { error: refusal.message });
  if (asset !== undefined) {
    response.writeHead(200, { 'content-type': TYPES[path] }).end(method === 'HEAD' ? undefined : asset);
    return;
  }
  if (method === 'GET' && path === '/api/live') return stream(response, around);
  if (method === 'GET' && path === '/api/session') return send(response, 200, sessionOf(request, around.site));
  if (route === undefined) return send(response, 404, { error: 'there is no such thing' });
  if (method !== route.method) return send(response, 405, { error: `this is asked by ${route.method}` });
  try {
    const input = method === 'GET' ? Object.fromEntries(new URLSearchParams(query)) : await readBody(request);
    const left = new AbortController();
    response.once('close', () => left.abort());
    const value = (await route.run(around.fleet, input, left.signal)) ?? {};
    if (isItems(value)) await sendItems(response, value, around);
    else send(response, 200, value);
  } catch (error) {
    send(response, statusOf(error), { error: plainText(isRpcError(error) ? error.message : (error as Error).message) });
  }
}

/** Whether the reader may change things, so that the page can say so before somebody tries. */
function sessionOf({ headers }: IncomingMessage, { token }: Site): unknown {
  return { canChange: token !== undefined, hasToken: token !== undefined && hasToken(headers, token) };
}

/** Sends the view of the fleet once a second, as server-sent events. A slow reader misses some. */
function stream(response: ServerResponse, { fleet, streams }: Surroundings): void {
  if (streams.size >= STREAMS_MAX) return send(response, 503, { error: 'too many pages are open' });
  streams.add(response);
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  const { clock } = fleet.options;
  let cancel = (): void => {};
  const tell = (): void => {
    if (!response.writableNeedDrain) response.write(`data: ${JSON.stringify(fleet.view())}\n\n`);
    cancel = clock.schedule(VIEW_MS, tell);
  };
  response.on('close', () => {
    streams.delete(response);
    cancel();
  });
  tell();
}

function isItems(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** Sends each item as a line of JSON when it comes, as fast as the reader takes them, until it leaves. */
async function sendItems(
  response: ServerResponse,
  items: AsyncIterable<unknown>,
  { streams }: Surroundings,
): Promise<void> {
  if (streams.size >= STREAMS_MAX) return send(response, 503, { error: 'too many pages are open' });
  streams.add(response);
  const iterator = items[Symbol.asyncIterator]();
  const left = new Promise<void>((resolve) =>
    response.once('close', () => {
      streams.delete(response);
      resolve();
    }),
  );
  response.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' }).flushHeaders();
  const gone = left.then((): IteratorResult<unknown> => ({ done: true, value: undefined }));
  for (;;) {
    const step = await Promise.race([iterator.next(), gone]);
    if (step.done === true) break;
    const hasRoom = response.write(`${JSON.stringify(step.value)}\n`);
    if (!hasRoom) await Promise.race([new Promise<void>((resolve) => response.once('drain', resolve)), left]);
  }
  response.end();
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}

function statusOf(error: unknown): number {
  if (error instanceof ApiError) return error.status;
  if (error instanceof TypeError) return 400;
  if (!isRpcError(error)) return 500;
  if (error.code === 'ABORTED') return 409;
  return error.code === 'PERMISSION_DENIED' ? 403 : 502;
}

/** @throws ApiError */
async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_BYTES_MAX) throw new ApiError(413, `a body has at most ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk as Buffer);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new ApiError(400, 'the body is no JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ApiError(400, 'the body is an object');
}

function readAssets(): ReadonlyMap<string, Buffer> {
  const folder = new URL('../../assets/', import.meta.url);
  return new Map(Object.entries(FILES).map(([path, file]) => [path, readFileSync(new URL(file, folder))]));
}
