export type { ServerEvents } from './face/events.js';
export type { ListenOptions } from './face/listen-options.js';
export type { ServerLayers, ServerOptions } from './face/options.js';
export { createServer } from './face/server.js';
export type { InstanceUpdate, Server, ServerAddress } from './face/server-types.js';
export type { ConnectionAgeOptions } from './life/connection-age.js';
export type { CloseOptions } from './life/drain.js';
export type { SignalOptions } from './life/signals.js';
export type { ServerConcurrency } from './policy/concurrency.js';
