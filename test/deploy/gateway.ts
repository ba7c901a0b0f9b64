import { createServer } from 'node:http';
import { type Code, createClient, defineService, isRpcError, method } from '@org/rpc';

const STATUS: Readonly<Record<Code, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  INTERNAL: 500,
  UNKNOWN: 500,
  DATA_LOSS: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};
// The codes by which the handlers speak: these words are meant for whoever asks.
const SPOKEN: ReadonlySet<Code> = new Set<Code>(['INVALID_ARGUMENT', 'NOT_FOUND', 'ALREADY_EXISTS', 'ABORTED']);

const client = createClient({ timeoutMs: 2_000 });
const find = method<(id: string) => string>({ idempotent: true });
const services = new Map(
  ['users', 'orders', 'stock'].map((name) => [name, client.service(defineService(name, { find }))]),
);

const gateway = createServer(async (request, response) => {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const [, name = '', id = ''] = (request.url ?? '').split('/');
  try {
    const service = services.get(name);
    response.statusCode = service === undefined ? 404 : 200;
    response.end(await service?.with({ signal: gone.signal }).find(id));
  } catch (error) {
    const code = isRpcError(error) ? error.code : 'INTERNAL';
    response.statusCode = STATUS[code];
    if (isRpcError(error) && error.retryAfterMs !== undefined)
      response.setHeader('Retry-After', Math.ceil(error.retryAfterMs / 1_000));
    response.end(isRpcError(error) && SPOKEN.has(code) ? error.reason : code);
  }
});
gateway.listen(Number(process.env['HTTP_PORT'] ?? 8080));
// What has come is answered, then nothing is left to do and the process ends.
process.once('SIGTERM', () => gateway.close(() => client.close()));
