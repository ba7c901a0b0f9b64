import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type AdminAnswer, type AdminHost, answerAdmin } from './admin-answer.js';
import type { ResolvedAdmin } from './admin-options.js';

/** Small and few: who asks here is a probe, a scraper or a person. */
const BODY_BYTES_MAX = 1_024;
const HEADER_BYTES_MAX = 8_192;
const CONNECTIONS_MAX = 64;
const REQUEST_MS = 5_000;

/** The port for operators and probes, from `open` to `close`. */
export class AdminPort {
  readonly address: { readonly host: string; readonly port: number };
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    const { address, port } = server.address() as { address: string; port: number };
    this.address = { host: address, port };
  }

  /** Listens. @throws Error in words for people when it cannot */
  static async open(admin: ResolvedAdmin, host: AdminHost): Promise<AdminPort> {
    const { createServer } = await import('node:http');
    const options = { maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS };
    const server = createServer(options, (request, response) => void serve(request, response, admin, host));
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(new Error(`cannot listen on ${admin.host}:${admin.port} (admin.port): ${error.code ?? error.message}`)),
      );
      server.listen({ host: admin.host, port: admin.port }, resolve);
    });
    // Accepting can fail later, as of any port: the next request is another try.
    server.on('error', () => {});
    return new AdminPort(server);
  }

  /** Answers nothing more. Idempotent. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  admin: ResolvedAdmin,
  host: AdminHost,
): Promise<void> {
  const body = await readBody(request);
  const { method = 'GET', headers, url = '/' } = request;
  const path = url.split('?', 1)[0]!;
  const answer: AdminAnswer =
    body === undefined
      ? { status: 413, type: 'text/plain', body: `a body has ${BODY_BYTES_MAX} bytes at most\n` }
      : await answerAdmin({ method, path, headers, body }, admin, host);
  if (body === undefined) response.setHeader('connection', 'close');
  if (answer.allow !== undefined) response.setHeader('allow', answer.allow);
  response.setHeader('content-type', `${answer.type}; charset=utf-8`);
  response.setHeader('cache-control', 'no-store');
  response.writeHead(answer.status).end(method === 'HEAD' ? undefined : answer.body);
}

/** @returns `undefined` when it is too long */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  let body = '';
  try {
    for await (const chunk of request.setEncoding('utf8')) {
      body += String(chunk);
      if (body.length > BODY_BYTES_MAX) return undefined;
    }
  } catch {
    // The client is gone; nobody reads the answer.
  }
  return body;
}
