import type { Code } from '../../packages/rpc/src/index.js';
import { codeOf, dataOf, metadataOf, type Payload, type RequestInfo } from './service.js';
import type { CaseMessage, ConformanceCase } from './suite.js';

/** How a call ended, as the client saw it. */
export interface Outcome {
  readonly payloads: readonly Payload[];
  readonly error?: { readonly code: Code; readonly reason?: string; readonly details?: RequestInfo | undefined };
  /** What came back beside the items; errors carry none. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * What a case must end like: what it says itself, else what follows from what the server was asked to do. An expectation that
 * the case writes out names payloads by data and requests, and errors by their code.
 */
export function expectedOutcome({ request, expectedResponse }: ConformanceCase): Outcome {
  if (expectedResponse !== undefined) return writtenOut(expectedResponse);
  const [first] = request.requestMessages;
  const { responseHeaders, responseTrailers, error, ...definition } = first?.responseDefinition ?? {};
  const info: RequestInfo = { metadata: metadataOf(request.requestHeaders), requests: request.requestMessages };
  const data = dataOf(definition);
  const isSingle = /_(UNARY|CLIENT_STREAM)$/.test(request.streamType);
  const payloads = isSingle
    ? [{ data: data[0] ?? '', requestInfo: info }]
    : itemsOf(data, request.requestMessages, info);
  if (error === undefined) return { payloads, metadata: metadataOf(responseHeaders, responseTrailers) };
  const failure = { code: codeOf(error.code), reason: error.message ?? '' };
  const before = isSingle ? [] : payloads;
  return { payloads: before, error: before.length > 0 ? failure : { ...failure, details: info } };
}

/** Full duplex, each item answers one request; else the first one tells of all of them. */
function itemsOf(data: readonly string[], messages: readonly CaseMessage[], info: RequestInfo): Payload[] {
  const isFullDuplex = messages[0]?.fullDuplex === true;
  return data.map((item, index): Payload => {
    const message = messages[index];
    if (!isFullDuplex) return index === 0 ? { data: item, requestInfo: info } : { data: item };
    if (message === undefined) return { data: item };
    return { data: item, requestInfo: index === 0 ? { ...info, requests: [message] } : { requests: [message] } };
  });
}

function writtenOut({ payloads = [], error }: NonNullable<ConformanceCase['expectedResponse']>): Outcome {
  return { payloads, ...(error === undefined ? {} : { error: { code: codeOf(error.code) } }) };
}
