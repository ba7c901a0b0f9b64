import type { Client } from '@org/rpc-client';
import {
  type CallOptions,
  type Clock,
  isRpcError,
  type RpcError,
  type ServiceDefinition,
  systemClock,
} from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { memory } from '@org/rpc-registry';
import { createServer, type Server } from '@org/rpc-server';
import { connect } from './connect.js';

/** A method of a mock, or the function behind it: nothing is known of either but that it takes arguments. */
export type MockMethod = (...args: unknown[]) => unknown;

/** No mock keeps a process alive, also not by a stream that nobody has read to its end. */
const BACKGROUND: Clock = { ...systemClock, schedule: (delayMs, run) => systemClock.schedule(delayMs, run, true) };

/** Errors of which nobody has asked; with more, the oldest are forgotten. */
const THROWN_MAX = 100;

/**
 * The methods with streams of a mock. Each call has a client of its own, which is closed with its stream: so a mock has nothing that must
 * be closed, and what a stream does is what it does in production.
 */
export class MockStreams {
  readonly #definition: ServiceDefinition;
  readonly #handlers: Readonly<Record<string, MockMethod | undefined>>;
  /** What functions have thrown, by the id that their caller got instead. */
  readonly #thrown = new Map<string, unknown>();
  #server: Server | undefined;

  constructor(definition: ServiceDefinition, handlers: object) {
    this.#definition = definition;
    this.#handlers = handlers as Record<string, MockMethod | undefined>;
  }

  /** What a stub has for a method that has streams. */
  method(method: string, options: CallOptions | undefined): MockMethod {
    const isUpload = this.#definition.methods[method]!.kind === 'upload';
    return (...args) => {
      const client = connect(this.#serve(), { clock: BACKGROUND });
      // What a mock leaves out of its parameters is no mistake.
      client.on('contractDiffers', () => {});
      const stub = client.service(this.#definition, options) as unknown as Readonly<Record<string, MockMethod>>;
      let called: unknown;
      try {
        called = stub[method]!(...args);
      } catch (error) {
        void client.close();
        throw error;
      }
      if (isUpload) return this.#upload(client, called as Promise<unknown>);
      return new MockStream(client, called as AsyncIterableIterator<unknown>, (error) => this.#seen(error));
    };
  }

  async #upload(client: Client, result: Promise<unknown>): Promise<unknown> {
    try {
      return await result;
    } catch (error) {
      throw this.#seen(error);
    } finally {
      await client.close();
    }
  }

  #serve(): Server {
    if (this.#server !== undefined) return this.#server;
    const { name, methods } = this.#definition;
    const functions: Record<string, MockMethod> = {};
    for (const method of Object.keys(methods)) {
      const given = this.#handlers[method];
      functions[method] = (...args) => {
        if (given === undefined) throw notGiven(name, method);
        return given.apply(this.#handlers, args);
      };
    }
    this.#server = createServer({ registry: memory() }).add(this.#definition, functions as never);
    this.#server.on('handlerError', ({ correlationId, error }) => {
      this.#thrown.set(correlationId, error);
      const [oldest] = this.#thrown.keys();
      if (this.#thrown.size > THROWN_MAX && oldest !== undefined) this.#thrown.delete(oldest);
    });
    return this.#server;
  }

  /** With the text that a server would have logged as its cause: whoever tests wants to see it. */
  #seen(error: unknown): unknown {
    if (!isRpcError(error)) return error;
    for (const [id, thrown] of this.#thrown) {
      if (!error.reason.endsWith(id)) continue;
      this.#thrown.delete(id);
      if (isRpcError(thrown, 'UNIMPLEMENTED') && thrown.progress === 'refused') return thrown;
      error.cause = thrown;
    }
    return error;
  }
}

/** What a call of a method that the mock does not have rejects with. */
export function notGiven(service: string, method: string): RpcError {
  const reason = `mockService: ${service}.${method} was not given`;
  return rpcError('UNIMPLEMENTED', reason, { service, method, progress: 'refused' });
}

/** A stream with the client that is closed at its end. */
class MockStream implements AsyncIterableIterator<unknown> {
  readonly #client: Client;
  readonly #items: AsyncIterableIterator<unknown>;
  readonly #seen: (error: unknown) => unknown;

  constructor(client: Client, items: AsyncIterableIterator<unknown>, seen: (error: unknown) => unknown) {
    this.#client = client;
    this.#items = items;
    this.#seen = seen;
  }

  async next(): Promise<IteratorResult<unknown>> {
    try {
      const step = await this.#items.next();
      if (step.done === true) await this.#client.close();
      return step;
    } catch (error) {
      await this.#client.close();
      throw this.#seen(error);
    }
  }

  async return(): Promise<IteratorResult<unknown>> {
    const step = await this.#items.return!();
    await this.#client.close();
    return step;
  }

  async throw(error: unknown): Promise<never> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    this.#items[Symbol.asyncIterator]();
    return this;
  }
}
