export type { CloseOptions } from './drain.js';
export type { ServerEvents } from './events.js';
export type { ListenOptions } from './listen-options.js';
export type { ServerConcurrency, ServerLayers, ServerOptions } from './options.js';
export { createServer } from './server.js';
export type { InstanceUpdate, Server, ServerAddress } from './server-types.js';
