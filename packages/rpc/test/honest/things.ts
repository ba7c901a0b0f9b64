import {
  callContext,
  defineService,
  duplex,
  method,
  notify,
  RpcError,
  type ServiceHandlers,
  stream,
  upload,
} from '@org/rpc';
import { streamHandlers } from '../stream-handlers.js';

/** Calls of every kind that end in every way. */
export const Things = defineService('things', {
  echo: method<(value?: unknown) => unknown>({ timeoutMs: 600_000 }),
  hang: method<() => Promise<void>>({ timeoutMs: 600_000 }),
  fail: method<() => void>({ timeoutMs: 600_000 }),
  make: method<(what: string) => unknown>({ timeoutMs: 600_000 }),
  headers: method<(bytes: number) => void>({ timeoutMs: 600_000 }),
  note: notify<(value?: unknown) => void>(),
  count: stream<(count: number, bytes: number) => AsyncIterable<Uint8Array>>(),
  endless: stream<(bytes: number) => AsyncIterable<Uint8Array>>(),
  mute: stream<() => AsyncIterable<number>>(),
  makes: stream<(what: string) => AsyncIterable<unknown>>(),
  sum: upload<(values: AsyncIterable<number>) => Promise<number>>(),
  take: upload<(values: AsyncIterable<unknown>) => Promise<number>>(),
  stuck: upload<(values: AsyncIterable<unknown>) => Promise<void>>(),
  refuse: upload<(values: AsyncIterable<unknown>) => Promise<void>>(),
  chat: duplex<(values: AsyncIterable<unknown>) => AsyncIterable<unknown>>(),
  short: duplex<(values: AsyncIterable<unknown>, most: number) => AsyncIterable<unknown>>(),
});

/** The same, and what no server has yet: the contract of a client that is ahead. */
export const LaterThings = defineService('things', {
  later: notify<(value: unknown) => void>(),
  absent: method<() => void>(),
});

/** Ends when the call is over, as a well-behaved handler does. */
function untilAborted(): Promise<never> {
  const { signal } = callContext()!;
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** What serves {@link Things}. `make` gives the value of a name. */
export function thingsHandlers(make: (what: string) => unknown): ServiceHandlers<typeof Things> {
  return {
    ...streamHandlers,
    echo: (value) => value,
    hang: untilAborted,
    fail() {
      throw new RpcError('ABORTED', 'as asked', { details: { fine: true } });
    },
    make,
    headers(bytes) {
      callContext()!.responseMetadata['large'] = 'x'.repeat(bytes);
    },
    note() {},
    async *count(count, bytes) {
      for (let i = 0; i < count; i++) yield Buffer.alloc(bytes);
    },
    async *endless(bytes) {
      for (;;) yield Buffer.alloc(bytes);
    },
    mute: () => ({ [Symbol.asyncIterator]: () => ({ next: untilAborted }) }),
    async *makes(what) {
      yield make(what);
    },
    async take(values) {
      let count = 0;
      for await (const _ of values) count++;
      return count;
    },
    stuck: untilAborted,
  };
}
