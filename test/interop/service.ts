import {
  type Code,
  callContext,
  defineService,
  duplex,
  method,
  RpcError,
  type ServiceHandlers,
  stream,
  upload,
} from '../../packages/rpc/src/index.js';

/** What the caller wants back: so many zeros, after so long. */
export interface ResponseParameters {
  readonly size: number;
  readonly intervalMs?: number;
}

/** A request that says how it is to be answered. */
export interface InteropRequest {
  readonly payload?: Uint8Array;
  readonly response?: ResponseParameters;
  readonly status?: { readonly code: Code; readonly message: string };
}

/** The service of gRPC's interoperability tests, by its name. */
export const TestService = defineService('grpc.testing.TestService', {
  EmptyCall: method<() => void>(),
  UnaryCall: method<(request: InteropRequest) => Uint8Array>({ timeoutMs: 60_000 }),
  StreamingInputCall: upload<(payloads: AsyncIterable<Uint8Array>) => Promise<number>>(),
  StreamingOutputCall: stream<(responses: readonly ResponseParameters[]) => AsyncIterable<Uint8Array>>(),
  FullDuplexCall: duplex<(requests: AsyncIterable<InteropRequest>) => AsyncIterable<Uint8Array>>(),
});

/** Sent back with the result, whatever it holds. */
export const ECHOED: readonly string[] = ['x-grpc-test-echo-initial', 'x-grpc-test-echo-trailing-bin'];

/** Its server. */
export const testHandlers: ServiceHandlers<typeof TestService> = {
  EmptyCall: () => {},
  UnaryCall: ({ response, status }) => {
    echoMetadata();
    fail(status);
    return new Uint8Array(response?.size ?? 0);
  },
  async StreamingInputCall(payloads) {
    let bytes = 0;
    for await (const payload of payloads) bytes += payload.length;
    return bytes;
  },
  *StreamingOutputCall(responses) {
    for (const { size } of responses) yield new Uint8Array(size);
  },
  async *FullDuplexCall(requests) {
    echoMetadata();
    for await (const { response, status } of requests) {
      fail(status);
      if (response?.intervalMs !== undefined) await untilGivenUp();
      if (response !== undefined) yield new Uint8Array(response.size);
    }
  },
};

function echoMetadata(): void {
  const { metadata, responseMetadata } = callContext()!;
  for (const key of ECHOED) if (metadata[key] !== undefined) responseMetadata[key] = metadata[key];
}

function fail(status: InteropRequest['status']): void {
  if (status !== undefined) throw new RpcError(status.code, status.message);
}

/** A server that sleeps longer than anybody waits. */
function untilGivenUp(): Promise<never> {
  const { signal } = callContext()!;
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
}
