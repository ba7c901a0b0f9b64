import { p2c } from '@org/rpc-client';
import { Balancer } from '@org/rpc-client/internal';
import { systemClock, systemRandom } from '@org/rpc-core';
import type { RegistryHandle } from '@org/rpc-registry';
import { balancerEnvironment, FakePool } from '../../packages/registry-etcd/test/fake-links.js';

/** A client's balancer that is looked at. */
export interface Crowd {
  /** Resolves when all instances take calls. */
  readonly ready: Promise<void>;
  /** How many pickers were made. */
  readonly pickers: number;
  /** When a weight was first in a picker, in milliseconds since 1970. */
  readonly seenAt: ReadonlyMap<number, number>;
  close(): void;
}

/** Watches a service with the shipped balancer, over connections that are none. */
export function watchCrowd(handle: RegistryHandle, service: string, instances: number): Crowd {
  const seenAt = new Map<number, number>();
  let pickers = 0;
  let becomeReady!: () => void;
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });
  const { create } = p2c();
  const balancer = new Balancer(service, {
    ...balancerEnvironment(handle, new FakePool(), systemClock, systemRandom),
    pickers: {
      name: 'watched',
      create(nodes, environment) {
        const picker = create(nodes, environment);
        const now = performance.timeOrigin + performance.now();
        pickers++;
        for (const { endpoint } of nodes) if (!seenAt.has(endpoint.weight)) seenAt.set(endpoint.weight, now);
        if (nodes.length === instances) becomeReady();
        return picker;
      },
    },
  });
  balancer.open();
  return {
    ready,
    get pickers() {
      return pickers;
    },
    seenAt,
    close: () => balancer.close('the measurement is over'),
  };
}
