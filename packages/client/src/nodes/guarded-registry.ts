import {
  type Endpoint,
  endpointAddress,
  type Gone,
  type Registry,
  type RegistryEnvironment,
  type RegistryEvent,
  type Snapshot,
} from '@org/rpc-registry';
import { wrapHandle } from '@org/rpc-registry/internal';

/** Decides whether a client may connect to what a registry lists. It is asked for each list, so it should be quick. */
export type AcceptEndpoint = (endpoint: Endpoint) => boolean;

/**
 * A registry without the endpoints that a policy refuses. Otherwise whoever may write to a registry could make clients connect
 * anywhere, for example to the metadata service of a cloud. An endpoint that is no longer accepted counts as having left. A
 * policy that throws refuses.
 */
export function guardedRegistry(registry: Registry, accept: AcceptEndpoint): Registry {
  return Object.freeze({
    ...registry,
    open(environment: RegistryEnvironment) {
      const handle = registry.open(environment);
      const report = (event: RegistryEvent): void => environment.onEvent?.(event);
      return wrapHandle(handle, {
        watch(service: string, publish: (snapshot: Snapshot) => void) {
          const guard = new Guard(service, accept, report);
          return handle.watch(service, (snapshot) => publish(guard.filter(snapshot)));
        },
      });
    },
  });
}

/** How many refusals of a service are reported one by one: a full registry must not fill the logs. */
const TOLD_MAX = 100;

/** The policy, applied to the lists of one service. */
class Guard {
  readonly #service: string;
  readonly #accept: AcceptEndpoint;
  readonly #report: (event: RegistryEvent) => void;
  #accepted: ReadonlySet<string> = new Set();
  /** By id, what was refused in the last list. */
  #refused: ReadonlyMap<string, Endpoint> = new Map();
  #told = 0;

  constructor(service: string, accept: AcceptEndpoint, report: (event: RegistryEvent) => void) {
    this.#service = service;
    this.#accept = accept;
    this.#report = report;
  }

  filter(snapshot: Snapshot): Snapshot {
    const refused = new Map<string, Endpoint>();
    const endpoints = snapshot.endpoints.filter((endpoint) => {
      const accepted = this.#accepts(endpoint);
      if (!accepted) refused.set(endpoint.id, endpoint);
      return accepted;
    });
    const left: Gone[] = [];
    for (const id of refused.keys()) if (this.#accepted.has(id)) left.push(Object.freeze({ id, reason: 'left' }));
    this.#accepted = new Set(endpoints.map(({ id }) => id));
    this.#refused = refused;
    if (refused.size === 0) return snapshot;
    return Object.freeze({
      ...snapshot,
      endpoints: Object.freeze(endpoints),
      gone: Object.freeze([...snapshot.gone, ...left]),
    });
  }

  #accepts(endpoint: Endpoint): boolean {
    let error: Error | undefined;
    try {
      if (this.#accept(endpoint) === true) return true;
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    const before = this.#refused.get(endpoint.id);
    if (before === undefined || endpointAddress(before) !== endpointAddress(endpoint)) this.#tell(endpoint, error);
    return false;
  }

  #tell(endpoint: Endpoint, error: Error | undefined): void {
    this.#told++;
    if (this.#told > TOLD_MAX + 1) return;
    const why = error === undefined ? '' : `, which threw: ${error.message}`;
    const message =
      this.#told > TOLD_MAX
        ? `${this.#service}: more than ${TOLD_MAX} endpoints were refused by acceptEndpoint; the others are not named`
        : `${this.#service}: ${endpointAddress(endpoint)} (${endpoint.id}) was refused by acceptEndpoint${why}`;
    this.#report({ kind: 'invalidEntry', message, service: this.#service, ...(error === undefined ? {} : { error }) });
  }
}
