import type {
  Endpoint,
  GoneReason,
  Instance,
  Registry,
  RegistryEnvironment,
  RegistryEvent,
  RegistryHandle,
  RulesReport,
} from '@org/rpc-registry';
import { createTextWatches, createWatchList, readInstance } from '@org/rpc-registry/internal';

/** What is published besides the list of endpoints. */
export interface PublishOptions {
  /** Why those that were listed are not any more: one reason for all, or one for each id (default `unknown`). */
  readonly gone?: GoneReason | Readonly<Record<string, GoneReason>> | undefined;
}

/** A registry whose snapshots a test pushes, and that remembers what was done with it. */
export interface ManualRegistry {
  /** The value for the option of a client or server. */
  readonly registry: Registry;
  /**
   * Replaces the list of a service. Watches get the list in a later microtask, later watches when they begin; what has left the
   * list is worked out. Before the first call nothing is known of the service and nothing is published.
   */
  publish(service: string, endpoints: readonly Endpoint[], options?: PublishOptions): void;
  /** Publishes the last list of every service as not fresh, until it is published anew. */
  loseSource(): void;
  /**
   * Replaces the document of rules of a service: any text, or a value that becomes JSON; `undefined` removes it. Nothing is
   * known, and nothing published, before the first time.
   */
  publishRules(service: string, rules: string | object | undefined): void;
  /** The reports of clients about the rules of a service, by client name, without those that were taken back. */
  ruleReports(service: string): ReadonlyMap<string, RulesReport>;
  /** Reports an event to all who have opened the registry. */
  report(event: RegistryEvent): void;
  /** How often those who watch a service have asked for a new list of it. */
  refreshes(service: string): number;
  /** The names of the services that are watched now. */
  watched(): readonly string[];
  /** What is registered now. */
  instances(): readonly Instance[];
  /** How many handles are open: 0 shows that what was tested has cleaned up. */
  openHandles(): number;
}

interface State {
  readonly lists: Map<
    string,
    { readonly endpoints: readonly Endpoint[]; readonly reasonOf: (id: string) => GoneReason }
  >;
  readonly handles: Map<ReturnType<typeof createWatchList>, RegistryEnvironment>;
  readonly rules: Map<string, string | undefined>;
  readonly rulesWatches: Set<ReturnType<typeof createTextWatches>>;
  readonly ruleReports: Map<string, Map<string, RulesReport>>;
  readonly registered: Set<{ instance: Instance }>;
  readonly refreshes: Map<string, number>;
}

/** Makes a registry that knows nothing yet. Any number of clients and servers may open it; all see the same. */
export function manualRegistry(): ManualRegistry {
  const state: State = {
    lists: new Map(),
    handles: new Map(),
    rules: new Map(),
    rulesWatches: new Set(),
    ruleReports: new Map(),
    registered: new Set(),
    refreshes: new Map(),
  };
  return {
    registry: Object.freeze({
      display: 'manual',
      drainLeadMs: 0,
      isMachineLocal: true,
      open: (environment: RegistryEnvironment) => openManual(state, environment),
    }),
    publish(service, endpoints, { gone = 'unknown' } = {}) {
      const reasonOf = (id: string): GoneReason => (typeof gone === 'string' ? gone : (gone[id] ?? 'unknown'));
      const view = { endpoints: [...endpoints], reasonOf };
      state.lists.set(service, view);
      for (const watches of state.handles.keys()) watches.offer(service, view);
    },
    loseSource() {
      for (const watches of state.handles.keys()) watches.offerStale();
    },
    publishRules(service, rules) {
      const text = rules === undefined || typeof rules === 'string' ? rules : JSON.stringify(rules);
      state.rules.set(service, text);
      for (const watches of state.rulesWatches) watches.offer(service, text);
    },
    ruleReports: (service) => state.ruleReports.get(service) ?? new Map(),
    report(event) {
      for (const { onEvent } of state.handles.values()) onEvent?.(event);
    },
    refreshes: (service) => state.refreshes.get(service) ?? 0,
    watched: () => [...new Set([...state.handles.keys()].flatMap((watches) => [...watches.services()]))].sort(),
    instances: () => [...state.registered].map(({ instance }) => instance),
    openHandles: () => state.handles.size,
  };
}

function openManual(state: State, environment: RegistryEnvironment): RegistryHandle {
  const watches = createWatchList();
  const own = new Set<{ instance: Instance }>();
  const rulesWatches = createTextWatches();
  let closed = false;
  state.handles.set(watches, environment);
  state.rulesWatches.add(rulesWatches);
  return {
    rules: {
      watch(service, publish) {
        const watch = rulesWatches.add(service, publish);
        if (closed) watch.close();
        else if (state.rules.has(service)) rulesWatches.offer(service, state.rules.get(service));
        return watch;
      },
      report(service, instance, report) {
        const reports = state.ruleReports.get(service) ?? new Map<string, RulesReport>();
        state.ruleReports.set(service, reports);
        if (report === undefined) reports.delete(instance);
        else reports.set(instance, report);
      },
    },
    watch(service, publish) {
      const watch = watches.add(service, publish);
      const view = state.lists.get(service);
      if (closed) watch.close();
      else if (view !== undefined) watches.offer(service, view);
      return {
        ...watch,
        refresh: () => void state.refreshes.set(service, (state.refreshes.get(service) ?? 0) + 1),
      };
    },
    register(given) {
      const entry = { instance: readInstance('register', given) };
      own.add(entry);
      if (!closed) state.registered.add(entry);
      return {
        state: () => ({ status: state.registered.has(entry) ? 'registered' : 'closed' }),
        registered: Promise.resolve(),
        update: async (instance) => {
          entry.instance = readInstance('update', instance);
        },
        close: async () => {
          state.registered.delete(entry);
        },
      };
    },
    services: async () => [...state.lists.keys()].sort(),
    close: async () => {
      closed = true;
      watches.close();
      rulesWatches.close();
      state.rulesWatches.delete(rulesWatches);
      state.handles.delete(watches);
      for (const entry of own) state.registered.delete(entry);
    },
  };
}
