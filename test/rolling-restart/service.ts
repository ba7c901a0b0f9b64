import { defineService, duplex, method, notify, stream, upload } from '@org/rpc';

/** The service that the rolling restart calls in every way there is. */
export const Rolling = defineService('rolling', {
  /** Safe to repeat. */
  ask: method<(id: number) => Promise<number>>({ idempotent: true, timeoutMs: 5_000 }),
  /** Not safe to repeat. */
  once: method<(id: number) => Promise<number>>({ timeoutMs: 5_000 }),
  /** Each process tells at its end how many of these it has had. */
  tell: notify<(id: number) => void>(),
  count: stream<(upTo: number) => AsyncIterable<number>>(),
  sum: upload<(items: AsyncIterable<number>) => Promise<number>>(),
  echo: duplex<(items: AsyncIterable<number>) => AsyncIterable<number>>(),
  /** Without end, whatever the server is about to do: who reads it moves. */
  news: stream<() => AsyncIterable<number>>(),
  /** Without end, until the server drains. */
  bulletin: stream<() => AsyncIterable<number>>(),
});
