import { assertName, rpcError } from '@org/rpc-core/internal';
import {
  type Instance,
  type Registration,
  type Registry,
  type RegistryEnvironment,
  type RegistryHandle,
  remembered,
  type Watch,
} from '@org/rpc-registry';
import { readInstance, refusedRegistration } from '@org/rpc-registry/internal';
import { ClientHolder } from './client/client-holder.js';
import { createEtcdConnector } from './client/etcd-client.js';
import { asEtcdError, type ConnectEtcd } from './client/etcd-port.js';
import { listServices } from './instances/list-services.js';
import { type PublishSnapshot, ServiceWatcher } from './instances/watcher.js';
import { createServiceKeys } from './keys.js';
import {
  DEFAULT_PREFIX,
  describeInsecure,
  type EtcdOptions,
  type ResolvedEtcdOptions,
  resolveEtcdOptions,
} from './options.js';
import { EtcdRegistration, type RegistrationEnvironment } from './registration/registration.js';
import { createReport, type Report } from './report.js';
import { createEtcdRules, type EtcdRules } from './rules/etcd-rules.js';
import { EtcdRulesStore } from './rules/etcd-rules-store.js';
import { createRulesKeys } from './rules/rules-keys.js';
import { RulesReporter } from './rules/rules-reporter.js';
import { DEFAULT_TIMING, type EtcdTiming } from './timing.js';

/**
 * Registration and discovery through etcd 3.4 or newer. The value is inert, and npm etcd3 is loaded by the first use of a handle
 * that it opened.
 *
 * @example
 * ```ts
 * const registry = etcd({ hosts: ['http://127.0.0.1:2379'] });
 * ```
 * @throws TypeError that names option, value and bound
 */
export function etcd(options: EtcdOptions): Registry {
  const resolved = resolveEtcdOptions(options);
  const registry: Registry = {
    display: displayOf(resolved),
    drainLeadMs: DRAIN_LEAD_MS,
    open: (environment) => {
      const { auth, tls } = resolved;
      return openEtcdRegistry(resolved, environment, createEtcdConnector({ auth, tls, clock: environment.clock }));
    },
  };
  return resolved.snapshots === false ? registry : remembered(registry, resolved.snapshots);
}

/**
 * Opens a handle over any implementation of the port.
 *
 * @param connect - makes a connection to one of the hosts
 */
export function openEtcdRegistry(
  options: ResolvedEtcdOptions,
  environment: RegistryEnvironment,
  connect: ConnectEtcd,
  timing: EtcdTiming = DEFAULT_TIMING,
): RegistryHandle {
  return new EtcdHandle(options, environment, connect, timing);
}

/** Says before the first connection is made what it will tell to everybody on the path. */
function tellFirst(connect: ConnectEtcd, options: ResolvedEtcdOptions, report: Report): ConnectEtcd {
  let message = describeInsecure(options);
  return (host) => {
    if (message !== undefined) report({ kind: 'insecure', message });
    message = undefined;
    return connect(host);
  };
}

/** How long clients may take to hear of a goodbye: a watch event, their coalescing, and a busy loop on either side. */
const DRAIN_LEAD_MS = 3_000;

class EtcdHandle implements RegistryHandle {
  readonly rules: EtcdRules;
  readonly rulesStore: EtcdRulesStore;
  readonly #reporter: RulesReporter;
  readonly #environment: RegistrationEnvironment;
  readonly #watchers = new Map<string, ServiceWatcher>();
  readonly #registrations = new Set<Registration>();
  #closing: Promise<void> | undefined;

  constructor(
    options: ResolvedEtcdOptions,
    environment: RegistryEnvironment,
    connect: ConnectEtcd,
    timing: EtcdTiming,
  ) {
    const { namespace, clock, random, onEvent } = environment;
    assertName('registry: namespace', namespace);
    const keys = createServiceKeys(options.prefix, namespace);
    const report = createReport(onEvent);
    this.#environment = {
      holder: new ClientHolder(tellFirst(connect, options, report), options.hosts, clock, random, keys.all()),
      keys,
      report,
      ttlSeconds: options.ttlSeconds,
      clock,
      random,
      timing,
    };
    const rulesEnvironment = { ...this.#environment, rulesKeys: createRulesKeys(options.prefix, namespace) };
    this.#reporter = new RulesReporter(rulesEnvironment);
    this.rules = createEtcdRules(rulesEnvironment, this.#reporter);
    this.rulesStore = new EtcdRulesStore(rulesEnvironment);
  }

  watch(service: string, publish: PublishSnapshot): Watch {
    if (this.#closing !== undefined) return { close: () => undefined };
    const watcher = this.#watchers.get(service) ?? new ServiceWatcher(service, this.#environment).start();
    this.#watchers.set(service, watcher);
    const watch = watcher.subscribe(publish);
    return {
      ...watch,
      close: () => {
        watch.close();
        if (!watcher.idle || this.#watchers.get(service) !== watcher) return;
        this.#watchers.delete(service);
        watcher.close();
      },
    };
  }

  register(instance: Instance): Registration {
    const checked = readInstance('register', instance);
    if (this.#closing !== undefined) return refusedRegistration();
    const registration = new EtcdRegistration(checked, this.#environment);
    this.#registrations.add(registration);
    return {
      registered: registration.registered,
      state: () => registration.state(),
      update: (updated) => registration.update(updated),
      close: () => registration.close().finally(() => this.#registrations.delete(registration)),
    };
  }

  async services(): Promise<readonly string[]> {
    try {
      return await listServices(this.#environment);
    } catch (thrown) {
      const cause = asEtcdError(thrown);
      throw rpcError('UNAVAILABLE', `cannot list the services: ${cause.message}`, { cause });
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    this.rules.close();
    await Promise.all([
      this.#reporter.close(),
      ...[...this.#registrations].map((registration) => registration.close()),
    ]);
    this.#registrations.clear();
    this.#environment.holder.close();
  }
}

function displayOf({ hosts, prefix, tls }: ResolvedEtcdOptions): string {
  const scheme = tls === undefined ? 'etcd' : 'etcds';
  return `${scheme}://${hosts.join(',')}${prefix === DEFAULT_PREFIX ? '' : `/${prefix}`}`;
}
