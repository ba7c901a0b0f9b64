import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientObservation, ServerObservation } from './observation.js';

/**
 * The channels of `node:diagnostics_channel` on which all clients and servers of the process tell what becomes of calls. Nothing is
 * made for them as long as nobody has subscribed.
 */
export const CHANNELS = Object.freeze({ client: 'org.rpc.client', server: 'org.rpc.server' } as const);

/** For who publishes; asked before anything is made. */
export const clientChannel = channel(CHANNELS.client);
/** The same of servers. */
export const serverChannel = channel(CHANNELS.server);

/** What to do with what is told. Each runs synchronously, in the async context of the call: it must be quick. */
export interface Observer {
  /** Told by the clients of this process. */
  client?(observation: ClientObservation): void;
  /** Told by its servers. */
  server?(observation: ServerObservation): void;
}

/**
 * Listens to every client and server of this process: the typed way to the channels `org.rpc.client` and `org.rpc.server` of
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
  const onClient = (message: unknown): void => observer.client?.(message as ClientObservation);
  const onServer = (message: unknown): void => observer.server?.(message as ServerObservation);
  if (observer.client !== undefined) subscribe(CHANNELS.client, onClient);
  if (observer.server !== undefined) subscribe(CHANNELS.server, onServer);
  return {
    close() {
      unsubscribe(CHANNELS.client, onClient);
      unsubscribe(CHANNELS.server, onServer);
    },
  };
}
