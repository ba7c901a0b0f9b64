export { RpcClient } from './face/client.js';
export { resolveClientOptions } from './face/options.js';
export { Balancer, type BalancerEnvironment } from './nodes/balancer.js';
export type { Link, LinkObserver, LinkState } from './nodes/link.js';
export { nameCall } from './policy/name-call.js';
