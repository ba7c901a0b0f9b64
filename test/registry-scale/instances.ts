import type { Clock } from '@org/rpc-core';
import { createEtcdConnector } from '../../packages/registry-etcd/src/client/etcd-client.js';
import type { EtcdPort } from '../../packages/registry-etcd/src/client/etcd-port.js';
import { formatInstanceValue } from '../../packages/registry-etcd/src/instances/instance-value.js';

/** The namespace and service of all that is measured. */
export const NAMESPACE = 'bench';
export const SERVICE = 'crowd';

/** A connection to write with. Close it. */
export function connectWriter(url: string, clock: Clock): Promise<EtcdPort> {
  return createEtcdConnector({ auth: undefined, tls: undefined, clock })(new URL(url).host);
}

/** Where an instance lies in etcd. */
export function instanceKey(index: number): string {
  return `/rpc/${NAMESPACE}/services/${SERVICE}/${idOf(index)}`;
}

/** What a server of today writes there. */
export function instanceText(index: number, weight: number): string {
  return formatInstanceValue({
    id: idOf(index),
    host: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    port: 4399,
    weight,
    zone: 'zone-a',
    tags: { team: 'payments' },
    version: '1.2.3',
    state: 'up',
    startedAtMs: 1_767_225_600_000,
    protocol: 'rpc/1',
    features: ['streams', 'messagepack-rpc'],
  });
}

/** As long as those that servers give themselves. */
function idOf(index: number): string {
  return `instance-${String(index).padStart(10, '0')}`;
}
