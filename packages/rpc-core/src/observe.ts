import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { AttemptObservation, ClientObservation, EventObservation, ServerObservation } from './observation.js';

/**
 * The channels of `node:diagnostics_channel` on which all clients and servers of the process report their calls. While nobody has
 * subscribed, no object is made for them.
 */
export const CHANNELS = Object.freeze({
  client: 'org.rpc.client',
  attempt: 'org.rpc.client.attempt',
  server: 'org.rpc.server',
  event: 'org.rpc.event',
} as const);

/**
 * The channel objects, for publishing: check `hasSubscribers` before making anything. Attempts are reported only for calls that
 * are reported too.
 */
export const channels = Object.freeze({
  client: channel(CHANNELS.client),
  attempt: channel(CHANNELS.attempt),
  server: channel(CHANNELS.server),
  event: channel(CHANNELS.event),
});

/** Functions that observe calls. Each runs synchronously, in the async context of the call, so it must be quick. */
export interface Observer {
  /** Called by the clients of this process. */
  client?(observation: ClientObservation): void;
  /** Called when each attempt of a client's call begins and ends. When the call has ended, `call.attempts` holds every attempt. */
  attempt?(observation: AttemptObservation): void;
  /** Called by the servers of this process. */
  server?(observation: ServerObservation): void;
  /** Called with the events of clients and servers, and with no calls: an observer with only this function costs calls nothing. */
  event?(observation: EventObservation): void;
}

/**
 * Listens to every client and server of this process: the typed way to the {@link CHANNELS} of
 * `node:diagnostics_channel`. An error that an observer throws becomes an uncaught exception, and harms no call.
 *
 * @returns an object whose `close` stops listening; may be called twice
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
  const { client, attempt, server, event } = observer;
  const listening = [
    client && listen(CHANNELS.client, (told) => client.call(observer, told as ClientObservation)),
    // Attempts are reported only for calls that are reported, so this listens to calls too.
    client === undefined && attempt !== undefined ? listen(CHANNELS.client, () => {}) : undefined,
    attempt && listen(CHANNELS.attempt, (told) => attempt.call(observer, told as AttemptObservation)),
    server && listen(CHANNELS.server, (told) => server.call(observer, told as ServerObservation)),
    event && listen(CHANNELS.event, (told) => event.call(observer, told as EventObservation)),
  ];
  return {
    close() {
      for (const stop of listening) stop?.();
    },
  };
}

/** @param onMessage - a new function for each observer, because the same one may be given twice and `unsubscribe` compares functions */
function listen(name: string, onMessage: (message: unknown) => void): () => void {
  subscribe(name, onMessage);
  return () => {
    unsubscribe(name, onMessage);
  };
}
