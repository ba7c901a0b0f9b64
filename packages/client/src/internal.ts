export { Balancer, type BalancerEnvironment } from './balancer.js';
export { RpcClient } from './client.js';
export type { Link, LinkObserver, LinkState } from './link.js';
export { type ResolvedClientOptions, resolveClientOptions } from './options.js';
