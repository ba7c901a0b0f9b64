import { encode } from '@msgpack/msgpack';
import { type CallOptions, type Client, type Clock, isRpcError, type Metadata } from '../../packages/rpc/src/index.js';
import type { Outcome } from './expected.js';
import { Conformance, metadataOf, type Payload, type Request, type RequestInfo } from './service.js';
import type { ConformanceCase } from './suite.js';

/** How a case is run. */
export interface Invocation {
  readonly client: Client;
  readonly clock: Clock;
  /** The server's `limits.messageBytes`, where the sizes of requests are measured by it. */
  readonly messageBytes?: number;
}

/** Plays the client of a case to its end. Never rejects because of an `RpcError`: that is an outcome. */
export async function invoke({ request, expandRequests }: ConformanceCase, invocation: Invocation): Promise<Outcome> {
  const { client, clock, messageBytes = 0 } = invocation;
  const controller = new AbortController();
  let metadata: Metadata | undefined;
  const options: CallOptions = {
    metadata: metadataOf(request.requestHeaders),
    timeoutMs: request.timeoutMs,
    signal: controller.signal,
    onResponse: (info) => {
      metadata = { ...info.metadata };
    },
  };
  const messages = request.requestMessages.map((message, index): Request => {
    const expanded = expandRequests?.[index];
    // A single request also has its names, its arguments' list and its metadata in its frame.
    const isItem = /(CLIENT|BIDI)_STREAM$/.test(request.streamType);
    return expanded === undefined
      ? message
      : padded(message, messageBytes + expanded.sizeRelativeToLimit, isItem ? undefined : request.streamType);
  });
  const payloads: Payload[] = [];
  const exchange = new Exchange(request, clock, () => controller.abort());
  try {
    for await (const payload of exchange.begin(client, messages, options)) {
      payloads.push(payload);
      exchange.received(payloads.length);
    }
    return { payloads, metadata };
  } catch (error) {
    if (!isRpcError(error)) throw error;
    const details = error.details as RequestInfo | undefined;
    return { payloads, metadata, error: { code: error.code, reason: error.reason, details } };
  }
}

/** The client's side of one case: when it sends, and when it gives up. */
class Exchange {
  readonly #request: ConformanceCase['request'];
  readonly #clock: Clock;
  readonly #abort: () => void;
  #received = 0;
  #wake = (): void => {};

  constructor(request: ConformanceCase['request'], clock: Clock, abort: () => void) {
    this.#request = request;
    this.#clock = clock;
    this.#abort = abort;
  }

  begin(client: Client, messages: readonly Request[], options: CallOptions): AsyncIterable<Payload> {
    const { streamType, service, method } = this.#request;
    if (service !== undefined && method !== undefined)
      return single(client.call(service, method, messages, options) as Promise<Payload>);
    const stub = client.service(Conformance).with(options);
    switch (streamType) {
      case 'STREAM_TYPE_UNARY':
        this.#closed();
        return single(stub.Unary(messages[0]!));
      case 'STREAM_TYPE_CLIENT_STREAM':
        return single(stub.ClientStream(this.#source(messages)));
      case 'STREAM_TYPE_SERVER_STREAM':
        this.#closed();
        return stub.ServerStream(messages[0]!);
      default:
        return stub.BidiStream(this.#source(messages));
    }
  }

  received(count: number): void {
    this.#received = count;
    this.#wake();
    if (this.#request.cancel?.afterNumResponses === count) this.#abort();
  }

  async *#source(messages: readonly Request[]): AsyncGenerator<Request> {
    const { cancel, requestDelayMs, streamType } = this.#request;
    const isFullDuplex = streamType === 'STREAM_TYPE_FULL_DUPLEX_BIDI_STREAM';
    for (const [index, message] of messages.entries()) {
      if (requestDelayMs !== undefined)
        await new Promise<void>((resolve) => this.#clock.schedule(requestDelayMs, resolve));
      yield message;
      // Full duplex is a conversation: the next message goes out when this one is answered.
      while (isFullDuplex && this.#received <= index) await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (cancel !== undefined && 'beforeCloseSend' in cancel) {
      this.#abort();
      await new Promise(() => {});
    }
    this.#closed();
  }

  /** Nothing more will be sent. */
  #closed(): void {
    const { afterCloseSendMs } = this.#request.cancel ?? {};
    if (afterCloseSendMs !== undefined) this.#clock.schedule(afterCloseSendMs, this.#abort);
  }
}

async function* single(result: Promise<Payload>): AsyncGenerator<Payload> {
  yield await result;
}

const METHODS: Readonly<Record<string, string>> = {
  STREAM_TYPE_UNARY: 'Unary',
  STREAM_TYPE_SERVER_STREAM: 'ServerStream',
};

/** The message with as much padding as makes the body of its frame so many bytes: an item, or a request of this type. */
function padded(message: Request, bodyBytes: number, streamType: string | undefined): Request {
  const around = streamType === undefined ? 0 : 10 + Conformance.name.length + METHODS[streamType]!.length;
  const measured = (padding: Uint8Array): number => {
    const value = { ...message, padding };
    return around + encode(streamType === undefined ? value : [value]).length;
  };
  const guess = new Uint8Array(bodyBytes - 1_000);
  return { ...message, padding: new Uint8Array(guess.length + bodyBytes - measured(guess)) };
}
