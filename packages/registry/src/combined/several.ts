import { describeValue, rpcError } from '@org/rpc-core/internal';
import type { Endpoint, EndpointState } from '../endpoint.js';
import type {
  GoneReason,
  Registration,
  RegistrationState,
  Registry,
  RegistryEnvironment,
  RegistryHandle,
  Snapshot,
  Watch,
} from '../registry.js';
import type { RulesSource, RulesStore } from '../rules-source.js';
import { nextSnapshot, sameSnapshot } from '../snapshot.js';

/** The most registries that {@link several} takes. */
const REGISTRIES_MAX = 16;

/**
 * Several registries as one: a server is entered into all of them, and a client sees the instances of all of them. For moving
 * from one registry to another step by step, and for clusters that span sites.
 *
 * An instance that several registries list is one instance, described by the first of them. It is draining as soon as one of them
 * says so, and has left when none lists it any more. The view is fresh while every registry is. What a registry listed last stays
 * while it cannot be reached.
 *
 * Rules of a service are those of the first that has any.
 *
 * @param registries - 1 to 16, none twice
 * @throws TypeError naming what is no registry
 * @example
 * ```ts
 * const registry = several([etcd({ hosts: 'http://old:2379' }), etcd({ hosts: 'http://new:2379' })]);
 * ```
 */
export function several(registries: readonly Registry[]): Registry {
  const list = readList(registries);
  const isMachineLocal = list.every((registry) => registry.isMachineLocal === true);
  const privateSocket = isMachineLocal ? list.find((registry) => registry.privateSocket)?.privateSocket : undefined;
  // A client that finds the server in a registry that other machines read does not know its secret.
  const createSecret = isMachineLocal ? list.find((registry) => registry.createSecret)?.createSecret : undefined;
  return Object.freeze({
    ...(privateSocket && { privateSocket }),
    ...(createSecret && { createSecret }),
    display: list.map(({ display }) => display).join(' + '),
    drainLeadMs: Math.max(...list.map(({ drainLeadMs }) => drainLeadMs)),
    isMachineLocal,
    open: (environment: RegistryEnvironment) => openSeveral(list, environment),
  });
}

function readList(registries: unknown): readonly Registry[] {
  if (!Array.isArray(registries) || registries.length === 0 || registries.length > REGISTRIES_MAX) {
    const given = Array.isArray(registries) ? `${registries.length}` : describeValue(registries);
    throw new TypeError(`several: a list of 1 to ${REGISTRIES_MAX} registries is needed, got ${given}`);
  }
  for (const registry of registries) {
    if (typeof (registry as Partial<Registry> | null)?.open !== 'function')
      throw new TypeError(`several: every entry must be a registry such as local(), got ${describeValue(registry)}`);
  }
  if (new Set(registries).size < registries.length) throw new TypeError('several: a registry is listed twice');
  return [...registries];
}

function openSeveral(registries: readonly Registry[], environment: RegistryEnvironment): RegistryHandle {
  // Each message says which registry it is about.
  const handles = registries.map((registry) =>
    registry.open({
      ...environment,
      onEvent: (event) => environment.onEvent?.({ ...event, message: `${registry.display}: ${event.message}` }),
    }),
  );
  return {
    ...severalRules(handles),
    watch: (service, publish) => watchAll(handles, service, publish),
    register: (instance) => mergeRegistrations(handles.map((handle) => handle.register(instance))),
    async services() {
      const answers = await Promise.allSettled(handles.map((handle) => handle.services()));
      const names = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      const refused = answers.find((answer) => answer.status === 'rejected');
      if (refused !== undefined && answers.every(({ status }) => status === 'rejected')) throw refused.reason;
      return [...new Set(names)].sort();
    },
    close: async () => void (await Promise.all(handles.map((handle) => handle.close()))),
  };
}

function watchAll(handles: readonly RegistryHandle[], service: string, publish: (snapshot: Snapshot) => void): Watch {
  const views: (Snapshot | undefined)[] = handles.map(() => undefined);
  /**
   * Why a registry reported an instance as gone that another one still lists. Kept until the other one reports it too, or the
   * instance is listed again.
   */
  const reasons = new Map<string, GoneReason>();
  let last: Snapshot | undefined;
  let isClosed = false;
  const update = (index: number, snapshot: Snapshot): void => {
    if (isClosed) return;
    views[index] = snapshot;
    for (const { id } of snapshot.endpoints) reasons.delete(id);
    for (const { id, reason } of snapshot.gone) if (reason !== 'unknown' || !reasons.has(id)) reasons.set(id, reason);
    const merged = mergeEndpoints(views);
    // An empty list counts only when every registry has answered: until then callers wait.
    if (merged.size === 0 && views.includes(undefined)) return;
    const next = nextSnapshot(merged.values(), last, (id) => reasons.get(id) ?? 'unknown');
    for (const id of reasons.keys()) if (!merged.has(id)) reasons.delete(id);
    const fresh = views.every((view) => view?.fresh === true);
    const published = fresh ? next : Object.freeze({ ...next, fresh });
    if (sameSnapshot(published, last)) return;
    last = published;
    publish(published);
  };
  const watches = handles.map((handle, index) => handle.watch(service, (snapshot) => update(index, snapshot)));
  return {
    close() {
      isClosed = true;
      for (const watch of watches) watch.close();
    },
    refresh() {
      for (const watch of watches) watch.refresh?.();
    },
  };
}

/** By id; the first that lists an instance describes it. */
function mergeEndpoints(views: readonly (Snapshot | undefined)[]): Map<string, Endpoint> {
  const merged = new Map<string, Endpoint>();
  for (const view of views) {
    for (const endpoint of view?.endpoints ?? []) {
      const known = merged.get(endpoint.id);
      if (known === undefined) merged.set(endpoint.id, endpoint);
      // A goodbye is never wrong, while "up" may be out of date.
      else if (RESERVE[endpoint.state] > RESERVE[known.state])
        merged.set(endpoint.id, Object.freeze({ ...known, state: endpoint.state }));
    }
  }
  return merged;
}

/** States in order: the higher, the less the instance wants new calls. */
const RESERVE: Readonly<Record<EndpointState, number>> = { up: 0, unavailable: 1, draining: 2 };

/**
 * The registrations of one instance in several registries as one: it is found as soon as one of them is written, and counts as
 * registered when all are.
 *
 * @param registrations - at least one; they are closed by closing this
 */
export function mergeRegistrations(registrations: readonly Registration[]): Registration {
  const registered = Promise.any(registrations.map((registration) => registration.registered)).then(
    () => undefined,
    () => {
      throw rpcError('CANCELLED', 'the registration was closed before the instance was in any of the registries');
    },
  );
  // Nobody may listen, and an unhandled rejection would end the process.
  registered.catch(() => {});
  return {
    registered,
    state: () => mergeStates(registrations.map((registration) => registration.state())),
    update: async (instance) =>
      void (await Promise.all(registrations.map((registration) => registration.update(instance)))),
    close: async () => void (await Promise.all(registrations.map((registration) => registration.close()))),
  };
}

/** The worst of the states: "registered" means registered everywhere. */
function mergeStates(states: readonly RegistrationState[]): RegistrationState {
  const failing = states.find((state) => state.status === 'pending' && state.error !== undefined);
  const pending = failing ?? states.find((state) => state.status === 'pending');
  return pending ?? states.find((state) => state.status === 'closed') ?? { status: 'registered' };
}

/** Both parts, when one of the registries has them. */
export interface SeveralRules {
  readonly rules?: RulesSource;
  readonly rulesStore?: RulesStore;
}

/**
 * The rules of several registries as one: for each service those of the first that has any, so that rules move from one registry
 * to another service by service. Reports go where the rules came from. Tools change those of the first registry with rules.
 */
export function severalRules(handles: readonly RegistryHandle[]): SeveralRules {
  const sources = handles.flatMap(({ rules }) => rules ?? []);
  const rulesStore = handles.find((handle) => handle.rulesStore !== undefined)?.rulesStore;
  if (sources.length === 0) return {};
  /** By service: the source of what was published last. */
  const used = new Map<string, RulesSource>();
  return {
    ...(rulesStore !== undefined && { rulesStore }),
    rules: {
      watch(service, publish) {
        const texts: ({ readonly text: string | undefined } | undefined)[] = sources.map(() => undefined);
        let isClosed = false;
        const update = (index: number, text: string | undefined): void => {
          if (isClosed) return;
          texts[index] = { text };
          const first = texts.findIndex((known) => known?.text !== undefined);
          // There are no rules only when every registry has said so.
          if (first < 0 && texts.includes(undefined)) return;
          if (first >= 0) used.set(service, sources[first]!);
          publish(texts[first]?.text);
        };
        const watches = sources.map((source, index) => source.watch(service, (text) => update(index, text)));
        return {
          close() {
            isClosed = true;
            for (const watch of watches) watch.close();
          },
        };
      },
      report(service, key, report) {
        const source = used.get(service) ?? sources[0];
        for (const each of sources) each.report(service, key, each === source ? report : undefined);
      },
    },
  };
}
