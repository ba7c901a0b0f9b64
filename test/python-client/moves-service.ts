import { setTimeout as sleep } from 'node:timers/promises';
import {
  callContext,
  createServer,
  defineService,
  duplex,
  memory,
  method,
  notify,
  RpcError,
  type Server,
  stream,
  upload,
} from '@org/rpc';
import { streamHandlers } from '../../packages/rpc/test/stream-handlers.js';

/** What the moves of examples/python-client are made on. */
export const Moves = defineService('moves', {
  echo: method<(value: unknown, ...more: unknown[]) => unknown>(),
  sleep: method<(ms: number, value?: unknown) => Promise<unknown>>(),
  headers: method<() => Readonly<Record<string, string>>>(),
  fail: method<(code: 'NOT_FOUND') => void>(),
  note: notify<(value: unknown) => void>(),
  count: stream<(count: number, bytes: number) => AsyncIterable<Uint8Array>>(),
  endless: stream<(bytes: number) => AsyncIterable<Uint8Array>>(),
  breaks: stream<(after: number) => AsyncIterable<number>>(),
  sum: upload<(values: AsyncIterable<number>) => Promise<number>>(),
  bytes: upload<(values: AsyncIterable<Uint8Array>) => Promise<number>>(),
  first: upload<(values: AsyncIterable<unknown>) => Promise<unknown>>(),
  refuse: upload<(values: AsyncIterable<unknown>) => Promise<void>>(),
  chat: duplex<(values: AsyncIterable<unknown>) => AsyncIterable<unknown>>(),
  short: duplex<(values: AsyncIterable<number>, most: number) => AsyncIterable<number>>(),
});

/** A server of {@link Moves}, under the default limits, that listens nowhere yet. */
export function movesServer(): Server {
  return createServer({ registry: memory() }).add(Moves, {
    ...streamHandlers,
    echo: (value) => value,
    sleep: async (ms, value) => {
      const { signal } = callContext()!;
      await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
      return value;
    },
    headers() {
      const context = callContext()!;
      context.responseMetadata['answered'] = 'yes';
      return { ...context.metadata };
    },
    fail(code) {
      throw new RpcError(code, 'as asked', { details: { code } });
    },
    note() {},
    async *count(count, bytes) {
      for (let i = 0; i < count; i++) yield Buffer.alloc(bytes);
    },
    async *endless(bytes) {
      for (;;) yield Buffer.alloc(bytes);
    },
    async *breaks(after) {
      for (let i = 0; i < after; i++) yield i;
      throw new RpcError('ABORTED', 'as asked');
    },
    async bytes(values) {
      let sum = 0;
      for await (const value of values) sum += value.length;
      return sum;
    },
    async first(values) {
      for await (const value of values) return value;
      return 0;
    },
  });
}
