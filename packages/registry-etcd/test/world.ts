import type { Endpoint, Instance, RegistryEvent, RegistryHandle, Snapshot } from '@org/rpc-registry';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { ClientHolder } from '../src/client/client-holder.js';
import { openEtcdRegistry } from '../src/etcd-registry.js';
import { createServiceKeys } from '../src/keys.js';
import { resolveEtcdOptions } from '../src/options.js';
import type { RegistrationEnvironment } from '../src/registration/registration.js';
import { createReport } from '../src/report.js';
import { DEFAULT_TIMING } from '../src/timing.js';
import { FakeEtcd } from './fake-etcd.js';
import { connectTo } from './fake-etcd-port.js';

/** All that the logic needs, on virtual time and an etcd in memory. */
export interface World {
  readonly clock: FakeClock;
  readonly etcd: FakeEtcd;
  readonly environment: RegistrationEnvironment;
  readonly events: RegistryEvent[];
  kinds(): string[];
  /** Opens a whole registry. */
  open(): RegistryHandle;
}

/** @param hosts - of the cluster; all of them are the same etcd */
export function createWorld(hosts: readonly string[] = ['a:2379'], seed = 1): World {
  const clock = new FakeClock();
  const etcd = new FakeEtcd(clock);
  const random = seededRandom(seed);
  const events: RegistryEvent[] = [];
  const onEvent = (event: RegistryEvent): void => void events.push(event);
  const keys = createServiceKeys('rpc', 'test');
  const environment: RegistrationEnvironment = {
    holder: new ClientHolder(connectTo(etcd), hosts, clock, random, keys.all()),
    keys,
    report: createReport(onEvent),
    timing: DEFAULT_TIMING,
    ttlSeconds: 15,
    clock,
    random,
  };
  return {
    clock,
    etcd,
    environment,
    events,
    kinds: () => events.map(({ kind }) => kind),
    open: () =>
      openEtcdRegistry(resolveEtcdOptions({ hosts }), { namespace: 'test', clock, random, onEvent }, connectTo(etcd)),
  };
}

/** An endpoint with no optional field. */
export function endpoint(id: string, changes: Partial<Endpoint> = {}): Endpoint {
  return { id, host: '10.0.0.7', port: 4399, weight: 100, state: 'up', ...changes };
}

/** An instance of the service `greeter`. */
export function instance(id: string, changes: Partial<Endpoint> = {}): Instance {
  return { services: ['greeter'], endpoint: endpoint(id, changes) };
}

/** Where {@link createWorld} keeps an instance of `greeter`. */
export function greeterKey(id: string): string {
  return `/rpc/test/services/greeter/${id}`;
}

/** `a b!` for a fresh list of two of which the second one is draining, `~a` for one that is not fresh. */
export function shown({ endpoints, fresh }: Snapshot): string {
  const ids = endpoints.map(({ id, state }) => (state === 'draining' ? `${id}!` : id));
  return `${fresh ? '' : '~'}${ids.join(' ')}`;
}
