export { RpcClient } from './client.js';
export { type ResolvedClientOptions, resolveClientOptions } from './options.js';
