export { etcd } from './etcd-registry.js';
export { etcdFromString } from './etcd-string.js';
export type { EtcdAuth, EtcdOptions, EtcdTls } from './options.js';
