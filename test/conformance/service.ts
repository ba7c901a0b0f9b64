import {
  type Clock,
  type Code,
  callContext,
  defineService,
  duplex,
  type Metadata,
  method,
  RpcError,
  type ServiceHandlers,
  stream,
  upload,
} from '../../packages/rpc/src/index.js';
import type { CaseHeader, CaseMessage, ResponseDefinition } from './suite.js';

/** What the server tells of the request that it answers. */
export interface RequestInfo {
  readonly metadata?: Metadata;
  /** What is left of the caller's time, `undefined` where there is no end to it. */
  readonly timeoutMs?: number | undefined;
  readonly requests: readonly Request[];
}

/** A message of the client; `padding` brings it to a size. */
export interface Request extends CaseMessage {
  readonly padding?: Uint8Array;
}

/** A message of the server. */
export interface Payload {
  readonly data: string;
  readonly requestInfo?: RequestInfo;
}

/** The service of the suite: unary is a method, a client stream an upload, a server stream a stream, bidi a duplex. */
export const Conformance = defineService('connectrpc.conformance.v1.ConformanceService', {
  Unary: method<(request: Request) => Payload>(),
  ClientStream: upload<(requests: AsyncIterable<Request>) => Promise<Payload>>(),
  ServerStream: stream<(request: Request) => AsyncIterable<Payload>>(),
  BidiStream: duplex<(requests: AsyncIterable<Request>) => AsyncIterable<Payload>>(),
});

/** Its server, which does what the first message of a call says. */
export function conformanceHandlers(clock: Clock): ServiceHandlers<typeof Conformance> {
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const { signal } = callContext()!;
      const cancel = clock.schedule(ms, resolve);
      signal.addEventListener('abort', () => {
        cancel();
        reject(signal.reason as Error);
      });
    });

  async function one(requests: readonly Request[]): Promise<Payload> {
    const definition = begin(requests[0]);
    const requestInfo = infoOf(requests);
    await pause(definition.responseDelayMs ?? 0);
    if (definition.error !== undefined) throw errorOf(definition.error, requestInfo);
    return { data: dataOf(definition)[0] ?? '', requestInfo };
  }

  async function* many(requests: readonly Request[]): AsyncGenerator<Payload> {
    const definition = begin(requests[0]);
    yield* rest(definition, dataOf(definition), infoOf(requests));
  }

  /** The information goes with the first item, or, where there is none, with the error. */
  async function* rest(
    { responseDelayMs = 0, error }: ResponseDefinition,
    items: readonly string[],
    requestInfo?: RequestInfo,
  ): AsyncGenerator<Payload> {
    for (const [index, data] of items.entries()) {
      await pause(responseDelayMs);
      yield index === 0 && requestInfo !== undefined ? { data, requestInfo } : { data };
    }
    if (error !== undefined) throw errorOf(error, items.length === 0 ? requestInfo : undefined);
  }

  /** Answers each request before it takes the next; what is left to say comes after the last. */
  async function* fullDuplex(first: Request, requests: AsyncIterable<Request>): AsyncGenerator<Payload> {
    const definition = begin(first);
    const items = dataOf(definition);
    let answered = 0;
    if (items.length === 0) return yield* rest(definition, [], infoOf([first]));
    for await (const request of startingWith(first, requests)) {
      // Nothing is left to say, but the caller goes on until it has said that it is done.
      if (answered === items.length) continue;
      await pause(definition.responseDelayMs ?? 0);
      const requestInfo = answered === 0 ? infoOf([request]) : { requests: [withoutPadding(request)] };
      yield { data: items[answered++]!, requestInfo };
    }
    yield* rest(definition, items.slice(answered));
  }

  return {
    Unary: (request) => one([request]),
    ClientStream: async (requests) => one(await collect(requests)),
    ServerStream: (request) => many([request]),
    async *BidiStream(requests) {
      const iterator = requests[Symbol.asyncIterator]();
      const first = await iterator.next();
      const others = { [Symbol.asyncIterator]: () => iterator };
      if (first.done === true) return;
      if (first.value.fullDuplex === true) yield* fullDuplex(first.value, others);
      else yield* many([first.value, ...(await collect(others))]);
    },
  };
}

/**
 * Headers and trailers as metadata, which is one set of texts: names are in lower case as in HTTP/2, and several values
 * of one name are one text with commas between (RFC 9110, section 5.3).
 */
export function metadataOf(...headers: readonly (readonly CaseHeader[] | undefined)[]): Record<string, string> {
  return Object.fromEntries(
    headers.flatMap((some) => some ?? []).map(({ name, value }) => [name.toLowerCase(), value.join(', ')]),
  );
}

/** The suite's name of a code, `CODE_CANCELED`, or a number, as this project names it. */
export function codeOf(name: string | number): Code {
  const code = String(name).replace('CODE_', '');
  return (code === 'CANCELED' ? 'CANCELLED' : code) as Code;
}

/** What a definition says comes back, always as a list. */
export function dataOf({ responseData = [] }: ResponseDefinition): readonly string[] {
  return typeof responseData === 'string' ? [responseData] : responseData;
}

/** Everything that an iterable gives. */
export async function collect<T>(items: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const item of items) into.push(item);
  return into;
}

function begin(first: Request | undefined): ResponseDefinition {
  const definition = first?.responseDefinition ?? {};
  const { responseHeaders, responseTrailers } = definition;
  Object.assign(callContext()!.responseMetadata, metadataOf(responseHeaders, responseTrailers));
  return definition;
}

function infoOf(requests: readonly Request[]): RequestInfo {
  const context = callContext()!;
  const timeoutMs = context.remainingMs();
  return {
    metadata: { ...context.metadata },
    timeoutMs: timeoutMs === Number.POSITIVE_INFINITY ? undefined : timeoutMs,
    requests: requests.map(withoutPadding),
  };
}

/** A request at the limit, sent back inside of something, would be beyond it. */
function withoutPadding({ padding: _, ...request }: Request): Request {
  return request;
}

function errorOf(
  { code, message = '' }: { code: string; message?: string },
  details: RequestInfo | undefined,
): RpcError {
  return new RpcError(codeOf(code), message, details === undefined ? {} : { details });
}

async function* startingWith<T>(first: T, others: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* others;
}
