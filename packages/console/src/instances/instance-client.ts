import {
  type Client,
  type ClientTlsOptions,
  createClient,
  defineService,
  OPERATOR_TOKEN_KEY,
  Operator,
  type OperatorReport,
  Reflection,
  type ServiceDescription,
  stream,
} from '@org/rpc';
import { duplex, type Metadata, type ServiceDefinition, upload } from '@org/rpc-core';
import type { Endpoint, Registry } from '@org/rpc-registry';

/** How to call instances. */
export interface InstanceAccess {
  readonly tls?: ClientTlsOptions | true | undefined;
  /** The token for servers that authenticate callers, see the option `token` of a client. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** The token of the servers' option `operator`. */
  readonly operatorToken?: string | undefined;
  /** Sent with every call, for servers whose `authorize` asks for it. */
  readonly metadata?: Metadata | undefined;
}

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 3_000;
/** How long a call that a person tries may take, in milliseconds. */
const TRIED_CALL_MS = 10_000;
/** The same of a stream. */
const TRIED_STREAM_MS = 60_000;

/** A call of a method with streams. */
export interface StreamedCall {
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** What the caller sends, for the kinds that take items. */
  readonly items: readonly unknown[];
  readonly left: AbortSignal;
}

const MAKERS = {
  stream: () => stream<() => AsyncIterable<unknown>>(),
  upload: () => upload<(items: AsyncIterable<unknown>) => Promise<unknown>>(),
  duplex: () => duplex<(items: AsyncIterable<unknown>) => AsyncIterable<unknown>>(),
} as const;

/** Calls one instance and no other. It has its own connection until `close`. */
export class InstanceClient {
  readonly endpoint: Endpoint;
  readonly #client: Client;
  readonly #pending = new Set<Promise<unknown>>();

  /** Does no I/O. */
  constructor(endpoint: Endpoint, { tls, token: callerToken, operatorToken, metadata = {} }: InstanceAccess) {
    this.endpoint = endpoint;
    const token = operatorToken === undefined ? {} : { [OPERATOR_TOKEN_KEY]: operatorToken };
    this.#client = createClient({
      registry: oneInstance(endpoint),
      name: 'rpc-console',
      tls,
      token: callerToken,
      timeoutMs: ANSWER_MS,
      retry: false,
      metadata: () => ({ ...metadata, ...token }),
    });
  }

  /** @throws RpcError `UNIMPLEMENTED` where `rpc.operator` is off, `PERMISSION_DENIED` without the right token */
  report(): Promise<OperatorReport> {
    return this.#told(this.#client.service(Operator).report());
  }

  /** Starts the drain of the instance. @throws RpcError as `report` */
  drain(): Promise<void> {
    return this.#told(this.#client.service(Operator).drain());
  }

  /** The methods of a service. @throws RpcError `UNIMPLEMENTED` where `rpc.reflection` is off */
  describe(service: string): Promise<ServiceDescription> {
    return this.#told(this.#client.service(Reflection).describe(service));
  }

  /** Calls a unary method. @throws RpcError as the call gives it */
  call(service: string, method: string, args: readonly unknown[]): Promise<unknown> {
    return this.#told(this.#client.call(service, method, args, { timeoutMs: TRIED_CALL_MS }));
  }

  /** Calls a method whose answer is a stream of items. @throws RpcError as the call gives it */
  items(kind: 'stream' | 'duplex', call: StreamedCall): AsyncIterable<unknown> {
    return this.#streamed(kind, call) as AsyncIterable<unknown>;
  }

  /** Sends items, and gives the one answer. @throws RpcError as the call gives it */
  upload(call: StreamedCall): Promise<unknown> {
    return this.#told(this.#streamed('upload', call) as Promise<unknown>);
  }

  #streamed(kind: keyof typeof MAKERS, { service, method, args, items, left }: StreamedCall): unknown {
    const definition = defineService(service, { [method]: MAKERS[kind]() }) as ServiceDefinition<object>;
    const stub = this.#client.service(definition, { timeoutMs: TRIED_STREAM_MS, signal: left });
    const sent = kind === 'stream' ? [] : [each(items)];
    return (stub as Record<string, (...args: unknown[]) => unknown>)[method]!(...sent, ...args);
  }

  /** Closes once pending calls are answered: otherwise the answer of an instance that was told to drain might be lost. Never rejects. */
  async retire(): Promise<void> {
    await Promise.allSettled(this.#pending);
    await this.#client.close();
  }

  /** Closes at once. Idempotent, never rejects. */
  close(): Promise<void> {
    return this.#client.close();
  }

  #told<T>(answer: Promise<T>): Promise<T> {
    this.#pending.add(answer);
    const over = (): boolean => this.#pending.delete(answer);
    answer.then(over, over);
    return answer;
  }
}

async function* each(items: readonly unknown[]): AsyncIterable<unknown> {
  yield* items;
}

/** A registry in which every service has only this instance: for calls that are meant for it alone. */
function oneInstance(endpoint: Endpoint): Registry {
  const listed = { ...endpoint, state: 'up', weight: 100 } as const;
  const snapshot = Object.freeze({ endpoints: [listed], fresh: true, gone: [] });
  return {
    display: endpoint.id,
    drainLeadMs: 0,
    open: () => ({
      watch(_service, publish) {
        let isClosed = false;
        queueMicrotask(() => {
          if (!isClosed) publish(snapshot);
        });
        return {
          close: () => {
            isClosed = true;
          },
        };
      },
      register() {
        throw new TypeError('this registry is for callers only');
      },
      services: async () => [],
      close: async () => {},
    }),
  };
}
