import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { AttemptObservation, ClientObservation, ServerObservation } from './observation.js';

/**
 * The channels of `node:diagnostics_channel` on which all clients and servers of the process tell what becomes of calls. Nothing is
 * made for them as long as nobody has subscribed.
 */
export const CHANNELS = Object.freeze({
  client: 'org.rpc.client',
  attempt: 'org.rpc.client.attempt',
  server: 'org.rpc.server',
} as const);

/** The same, for who publishes: `hasSubscribers` is asked before anything is made. Attempts are told only of calls that are told, too. */
export const channels = Object.freeze({
  client: channel(CHANNELS.client),
  attempt: channel(CHANNELS.attempt),
  server: channel(CHANNELS.server),
});

/** What to do with what is told. Each runs synchronously, in the async context of the call: it must be quick. */
export interface Observer {
  /** Told by the clients of this process. */
  client?(observation: ClientObservation): void;
  /** Told of each attempt of their calls, for who must know while it lasts; when a call has ended, `call.attempts` has them all. */
  attempt?(observation: AttemptObservation): void;
  /** Told by its servers. */
  server?(observation: ServerObservation): void;
}

/**
 * Listens to every client and server of this process: the typed way to the {@link CHANNELS} of
 * `node:diagnostics_channel`. What an observer throws becomes an uncaught exception, and harms no call.
 *
 * @returns whose `close` ends it; may be called twice
 * @example
 * ```ts
 * const watching = observe({
 *   client(told) {
 *     if (told.type === 'callEnd') console.log(told.call.method, told.call.durationMs, told.call.error?.code ?? 'OK');
 *   },
 * });
 * ```
 */
export function observe(observer: Observer): { close(): void } {
  const listening = [
    listen(CHANNELS.client, observer.client?.bind(observer)),
    // Attempts are told only of calls that are: somebody must listen to those, too.
    listen(CHANNELS.client, observer.attempt === undefined || observer.client !== undefined ? undefined : () => {}),
    listen(CHANNELS.attempt, observer.attempt?.bind(observer)),
    listen(CHANNELS.server, observer.server?.bind(observer)),
  ];
  return {
    close() {
      for (const stop of listening) stop();
    },
  };
}

function listen<T>(name: string, told: ((message: T) => void) | undefined): () => void {
  if (told === undefined) return () => {};
  // One of its own for each listener: `unsubscribe` takes away what is the same function, and the same observer may be given twice.
  const onMessage = (message: unknown): void => told(message as T);
  subscribe(name, onMessage);
  return () => {
    unsubscribe(name, onMessage);
  };
}
