import type { Endpoint } from '../endpoint.js';
import { readInstance } from '../endpoint-data.js';
import type { Instance, Registration, Registry, RegistryEnvironment, RegistryHandle } from '../registry.js';
import { refusedRegistration } from '../settled-registration.js';
import { createWatchList, type WatchList } from '../watch-list.js';
import { createMemoryRules, type MemoryRules, openMemoryRules } from './memory-rules.js';

/**
 * A registry inside one process, for tests and for servers that are their own only clients. Give the same value to both sides;
 * two values share nothing, and there is no string form. When all handles are closed it is empty again, except for the rules that
 * were set.
 *
 * Of two registrations with one id the newer one counts, and the older one reports a conflict.
 *
 * @example
 * ```ts
 * const registry = memory();
 * const server = createServer({ registry });
 * const client = createClient({ registry });
 * ```
 */
export function memory(): Registry {
  const namespaces = new Map<string, Namespace>();
  return Object.freeze({
    display: 'memory',
    drainLeadMs: 0,
    isMachineLocal: true,
    open(environment: RegistryEnvironment) {
      const name = environment.namespace;
      const namespace = namespaces.get(name) ?? {
        entries: new Map(),
        watchLists: new Set(),
        rules: createMemoryRules(),
      };
      namespaces.set(name, namespace);
      return openMemory(namespace, environment);
    },
  });
}

/** What all handles of one namespace share. */
interface Namespace {
  readonly entries: Map<string, Entry>;
  readonly watchLists: Set<WatchList>;
  readonly rules: MemoryRules;
}

/** One registration and what it has written. Two owners of one id are told apart by the identity of this object. */
interface Entry {
  instance: Instance;
  readonly conflict: () => void;
}

function openMemory(namespace: Namespace, environment: RegistryEnvironment): RegistryHandle {
  const watches = createWatchList();
  const registrations = new Set<Registration>();
  const { rules, rulesStore, close: closeRules } = openMemoryRules(namespace.rules);
  namespace.watchLists.add(watches);
  let closed = false;
  return {
    rules,
    rulesStore,
    watch(service, publish) {
      const watch = watches.add(service, publish);
      if (closed) watch.close();
      else offer(namespace, watches, service);
      return watch;
    },
    register(instance) {
      const checked = readInstance('register', instance);
      if (closed) return refusedRegistration();
      const registration = register(namespace, checked, environment, () => registrations.delete(registration));
      registrations.add(registration);
      return registration;
    },
    services: async () =>
      [...new Set([...namespace.entries.values()].flatMap(({ instance }) => instance.services))].sort(),
    async close() {
      closed = true;
      watches.close();
      closeRules();
      namespace.watchLists.delete(watches);
      await Promise.all([...registrations].map((registration) => registration.close()));
    },
  };
}

function register(
  namespace: Namespace,
  instance: Instance,
  environment: RegistryEnvironment,
  onClose: () => void,
): Registration {
  let closed = false;
  const { id } = instance.endpoint;
  const entry: Entry = {
    instance,
    conflict: () =>
      environment.onEvent?.({ kind: 'conflict', message: `another instance registered with the id "${id}"` }),
  };
  const overtaken = namespace.entries.get(id);
  namespace.entries.set(id, entry);
  publish(namespace, [...instance.services, ...(overtaken?.instance.services ?? [])]);
  overtaken?.conflict();
  return {
    state: () => ({ status: closed ? 'closed' : 'registered' }),
    registered: Promise.resolve(),
    async update(updated) {
      const checked = readInstance('update', updated);
      if (checked.endpoint.id !== id) throw new TypeError(`update: the id of an instance can't change from "${id}"`);
      if (closed) return;
      const services = [...entry.instance.services, ...checked.services];
      entry.instance = checked;
      publish(namespace, services);
    },
    async close() {
      if (closed) return;
      closed = true;
      onClose();
      if (namespace.entries.get(id) !== entry) return;
      namespace.entries.delete(id);
      publish(namespace, entry.instance.services);
    },
  };
}

function publish(namespace: Namespace, services: readonly string[]): void {
  for (const service of new Set(services)) {
    for (const watches of namespace.watchLists) offer(namespace, watches, service);
  }
}

function offer(namespace: Namespace, watches: WatchList, service: string): void {
  const endpoints: Endpoint[] = [];
  for (const { instance } of namespace.entries.values()) {
    if (instance.services.includes(service)) endpoints.push(instance.endpoint);
  }
  watches.offer(service, { endpoints, reasonOf: () => 'left' });
}
