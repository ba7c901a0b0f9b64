import { callContext, defineService, method, type ServiceHandlers, stream } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';

/** Whether a service takes calls; `unknown` when the server does not have it. */
export type HealthStatus = 'serving' | 'not-serving' | 'unknown';

/** What `rpc.health` answers. */
export interface HealthReport {
  readonly status: HealthStatus;
}

/**
 * The contract of `rpc.health`, which every server serves, as `grpc.health.v1` is meant: for probes and balancers that ask one instance.
 * It is not in the registry, so it is called by address: `createClient({ registry: direct(['10.0.0.7:4399']) }).service(Health)`.
 *
 * - `check`: how a service is, or the whole server when none is named. Rejects with `NOT_FOUND` for one that is not there.
 * - `watch`: the same at once, and again after each change; ends when the server drains. For a service that is not there it says `unknown`.
 */
export const Health = defineService('rpc.health', {
  check: method<(service?: string) => HealthReport>({ idempotent: true }),
  watch: stream<(service?: string) => AsyncIterable<HealthReport>>(),
});

/** The health of the services of a server, as its user sets it, until the server drains. */
export class HealthBoard {
  readonly #services: () => readonly string[];
  readonly #draining: AbortSignal;
  /** By service, `''` for the whole server: the status that was set. `serving` for those that are not here. */
  readonly #said = new Map<string, HealthStatus>();
  readonly #watchers = new Set<() => void>();

  /** @param draining - aborts when the server begins to drain: from then on nothing is serving */
  constructor(services: () => readonly string[], draining: AbortSignal) {
    this.#services = services;
    this.#draining = draining;
  }

  /** @throws TypeError for a service or a status that there is not */
  set(service: string, status: 'serving' | 'not-serving'): void {
    if (service !== '' && !this.#services().includes(service))
      throw new TypeError(
        `server.health: this server has no service ${JSON.stringify(service)}; '' is the whole server`,
      );
    if (status !== 'serving' && status !== 'not-serving')
      throw new TypeError(`server.health: status must be 'serving' or 'not-serving', got ${JSON.stringify(status)}`);
    this.#said.set(service, status);
    for (const wake of [...this.#watchers]) wake();
  }

  /** How a service is, `''` for the whole server: no service is better than that. */
  status(service: string): HealthStatus {
    if (service !== '' && !this.#services().includes(service)) return 'unknown';
    if (this.#draining.aborted || this.#said.get('') === 'not-serving') return 'not-serving';
    return this.#said.get(service) ?? 'serving';
  }

  /** How each service is. */
  get services(): Record<string, { readonly health: HealthStatus }> {
    return Object.fromEntries(this.#services().map((name) => [name, { health: this.status(name) }]));
  }

  /** What serves {@link Health}. */
  get handlers(): ServiceHandlers<typeof Health> {
    return {
      check: (service = '') => {
        const status = this.status(service);
        if (status === 'unknown') throw rpcError('NOT_FOUND', `this server has no service ${JSON.stringify(service)}`);
        return { status };
      },
      watch: (service = '') => this.#watch(service),
    };
  }

  /** A slow reader gets only the latest status: there is one place for the next one, and no queue. */
  async *#watch(service: string): AsyncIterable<HealthReport> {
    const { signal } = callContext()!;
    let told: HealthStatus | undefined;
    while (!signal.aborted) {
      const status = this.status(service);
      if (status !== told) yield { status };
      told = status;
      if (this.#draining.aborted) return;
      if (this.status(service) === told) await this.#change(signal);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#watchers.delete(wake);
        signal.removeEventListener('abort', wake);
        this.#draining.removeEventListener('abort', wake);
        resolve();
      };
      this.#watchers.add(wake);
      signal.addEventListener('abort', wake);
      this.#draining.addEventListener('abort', wake);
    });
  }
}
