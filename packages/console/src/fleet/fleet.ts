import type { Clock, Random } from '@org/rpc-core';
import { plainText, storedRules } from '@org/rpc-core/internal';
import { type Endpoint, endpointAddress, type Registry, type RegistryHandle } from '@org/rpc-registry';
import type { InstanceAccess } from '../instances/instance-client.js';
import { Traffic } from '../traffic/traffic.js';
import { Troubles } from '../traffic/troubles.js';
import type { FleetView } from './fleet-view.js';
import { HeldOpinions } from './held-opinions.js';
import { viewOf, type WatchedService } from './view-of.js';
import { WatchedInstance } from './watched-instance.js';

/** What to watch, and how to call the instances. */
export interface FleetOptions extends InstanceAccess {
  readonly registry: Registry;
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Services that are watched whether or not the registry names them, which fixed lists do not. Default: none. All others are watched too: what
   * callers have against an instance is told by their processes, which are servers of other services.
   */
  readonly services?: readonly string[] | undefined;
  /** How often each instance is asked, in milliseconds, 100 to 60,000 (default 1,000). */
  readonly everyMs?: number | undefined;
}

/** Services and instances beyond these bounds are not watched, and the view says so. */
const SERVICES_MAX = 300;
const INSTANCES_MAX = 500;

/**
 * The services and instances of a namespace: found in the registry, and each instance is asked for a report every second. Made by
 * {@link openFleet}; holds connections until `close`.
 */
export class Fleet {
  /** @internal */
  readonly traffic = new Traffic();
  /** @internal */
  readonly troubles = new Troubles();
  /** @internal */
  readonly opinions = new HeldOpinions();
  /** @internal */
  readonly services = new Map<string, WatchedService>();
  /** @internal */
  readonly instances = new Map<string, WatchedInstance>();
  readonly handle: RegistryHandle;
  /** Why the registry cannot be asked. */
  trouble: string | undefined;
  omitted: string | undefined;
  readonly options: FleetOptions;
  #cancelList: (() => void) | undefined;
  #cancelSweep: (() => void) | undefined;
  #isClosed = false;
  #listed = false;
  readonly #retiring = new Set<WatchedInstance>();

  constructor(options: FleetOptions) {
    this.options = options;
    const { registry, namespace, clock, random } = options;
    this.handle = registry.open({
      namespace,
      clock,
      random,
      onEvent: ({ kind, message }) => {
        if (kind === 'unreachable') this.trouble = plainText(message).slice(0, 300);
        else if (kind === 'recovered') this.trouble = undefined;
      },
    });
    void this.#list();
    this.#sweep();
  }

  /** What is known now. */
  view(): FleetView {
    return viewOf(this, this.second);
  }

  /** @internal The clock in whole seconds, as {@link Traffic} takes it. */
  get second(): number {
    return Math.floor(this.options.clock.now() / 1_000);
  }

  /** Whether every listed instance was asked, and has reported for at least a second, or is known not to report. */
  get isSettled(): boolean {
    if (!this.#listed || [...this.services.values()].some(({ snapshot }) => snapshot === undefined)) return false;
    return [...this.instances.values()].every(({ status, reports }) =>
      status === 'answered' ? reports >= 3 : status !== 'pending',
    );
  }

  /** Closes every connection and the registry. Idempotent, never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelList?.();
    this.#cancelSweep?.();
    for (const service of this.services.values()) service.close();
    await Promise.all([...this.instances.values(), ...this.#retiring].map((instance) => instance.close()));
    await this.handle.close();
  }

  async #list(): Promise<void> {
    try {
      const names = await this.#names();
      if (this.#isClosed) return;
      this.#follow(names.slice(0, SERVICES_MAX));
      this.#listed = true;
      this.trouble = undefined;
      const over = names.length - SERVICES_MAX;
      this.omitted = over > 0 ? `${over} more services are not shown` : undefined;
    } catch (error) {
      this.trouble = plainText((error as Error).message).slice(0, 300);
    }
    const { clock, everyMs = 1_000 } = this.options;
    if (!this.#isClosed) this.#cancelList = clock.schedule(2 * everyMs, () => void this.#list());
  }

  async #names(): Promise<readonly string[]> {
    const { services = [] } = this.options;
    try {
      return [...new Set([...services, ...(await this.handle.services())])];
    } catch (error) {
      if (services.length === 0) throw error;
      return services;
    }
  }

  /** When a service's last instance has gone, the registry no longer names the service, and the fleet forgets it. */
  #follow(names: readonly string[]): void {
    for (const name of names) if (!this.services.has(name)) this.services.set(name, this.#watch(name));
    const listed = new Set(names);
    for (const [name, service] of this.services) {
      if (listed.has(name) || (service.snapshot?.endpoints.length ?? 0) > 0) continue;
      service.close();
      this.services.delete(name);
    }
  }

  #watch(name: string): WatchedService {
    const watch = this.handle.watch(name, (snapshot) => {
      service.snapshot = snapshot;
      this.#meet();
    });
    const rules = this.handle.rules?.watch(name, (text) => {
      service.rules = text === undefined ? undefined : storedRules(text);
    });
    const service: WatchedService = {
      name,
      snapshot: undefined,
      rules: undefined,
      close: () => {
        watch.close();
        rules?.close();
      },
    };
    return service;
  }

  /** Starts asking instances that have come, and stops asking those that have gone. */
  #meet(): void {
    const listed = new Map<string, Endpoint>();
    for (const { snapshot } of this.services.values())
      for (const endpoint of snapshot?.endpoints ?? []) listed.set(endpoint.id, endpoint);
    for (const [id, instance] of this.instances) {
      if (listed.has(id)) continue;
      this.instances.delete(id);
      this.#retire(instance);
    }
    for (const [id, endpoint] of listed) {
      const known = this.instances.get(id);
      if (known !== undefined && isSamePlace(known.endpoint, endpoint)) known.endpoint = endpoint;
      else if (this.instances.size < INSTANCES_MAX || known !== undefined) {
        if (known !== undefined) this.#retire(known);
        this.instances.set(id, this.#ask(endpoint));
      } else this.omitted = `${listed.size - INSTANCES_MAX} more instances are not shown`;
    }
  }

  #retire(instance: WatchedInstance): void {
    this.#retiring.add(instance);
    void instance.retire().then(() => this.#retiring.delete(instance));
  }

  #ask(endpoint: Endpoint): WatchedInstance {
    const { clock, tls, token, operatorToken, metadata, everyMs = 1_000 } = this.options;
    const onCalls: ConstructorParameters<typeof WatchedInstance>[1]['onCalls'] = (instance, deltas) =>
      this.traffic.record(instance, deltas, this.second);
    const onReport: ConstructorParameters<typeof WatchedInstance>[1]['onReport'] = (endpoint, report) => {
      this.troubles.record(endpointAddress(endpoint), report, this.second);
      this.opinions.record(endpoint.id, report, this.second);
    };
    return new WatchedInstance(endpoint, { clock, tls, token, operatorToken, metadata, everyMs, onCalls, onReport });
  }

  #sweep(): void {
    this.#cancelSweep = this.options.clock.schedule(1_000, () => {
      this.traffic.sweep(this.second);
      this.troubles.sweep(this.second);
      this.opinions.sweep(this.second);
      this.#sweep();
    });
  }
}

/** Begins to watch. Returns at once; the view fills as answers come. The calling code must close it. */
export function openFleet(options: FleetOptions): Fleet {
  return new Fleet(options);
}

function isSamePlace(a: Endpoint, b: Endpoint): boolean {
  return a.host === b.host && a.port === b.port && a.path === b.path;
}
