import { Operator } from '@org/rpc';
import type { NodeOpinion, RulesDocument } from '@org/rpc-core';
import { endpointAddress, type Snapshot } from '@org/rpc-registry';
import { percentile } from '../traffic/histogram.js';
import { type Flow, RATE_SECONDS, type Traffic } from '../traffic/traffic.js';
import type { EdgeView, FleetView, InstanceView, MethodView, RateView, ServiceView } from './fleet-view.js';
import type { WatchedInstance } from './watched-instance.js';

/** A watched service. */
export interface WatchedService {
  readonly name: string;
  snapshot: Snapshot | undefined;
  rules: { readonly version: number; readonly document: RulesDocument | undefined } | undefined;
  close(): void;
}

/** What a view is made from. */
export interface FleetFacts {
  readonly options: {
    readonly registry: { readonly display: string };
    readonly namespace: string;
    readonly clock: { wallNow(): number };
  };
  readonly trouble: string | undefined;
  readonly omitted: string | undefined;
  readonly services: ReadonlyMap<string, WatchedService>;
  readonly instances: ReadonlyMap<string, WatchedInstance>;
  readonly traffic: Traffic;
}

const EDGES_MAX = 1_000;
/** The most opinions shown of one instance. */
const OPINIONS_MAX = 50;

/** Makes the view of a fleet. @param second - now, see {@link Fleet.second} */
export function viewOf(fleet: FleetFacts, second: number): FleetView {
  const { options, trouble, omitted } = fleet;
  // Servers without services of their own are registered under the name of the operator service.
  const all = [...fleet.services.values()].filter(({ name }) => name !== Operator.name);
  const services = all.sort((a, b) => (a.name < b.name ? -1 : 1));
  const opinions = opinionsOf(fleet.instances.values());
  const instances = [...fleet.instances.values()].sort((a, b) => (a.endpoint.id < b.endpoint.id ? -1 : 1));
  return {
    at: options.clock.wallNow(),
    registry: options.registry.display,
    namespace: options.namespace,
    trouble,
    omitted,
    services: services.map((service) => serviceView(fleet, service, second)),
    instances: instances.map((instance) => instanceView(fleet, services, instance, second, opinions)),
    edges: edges(fleet, second),
  };
}

function serviceView(fleet: FleetFacts, { name, snapshot, rules }: WatchedService, second: number): ServiceView {
  const flow = fleet.traffic.lately(second, 'service', name);
  const methods = fleet.traffic.keys('method').filter(([service]) => service === name);
  return {
    name,
    instances: snapshot?.endpoints.map(({ id }) => id) ?? [],
    rate: rateView(flow),
    methods: methods
      .map(([, method]): MethodView => {
        const rate = rateView(fleet.traffic.lately(second, 'method', name, method!));
        return { name: method!, rate };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    codes: Object.fromEntries([...flow.codes].map(([code, count]) => [code, count / RATE_SECONDS])),
    rulesVersion: rules?.version,
    fresh: snapshot?.fresh ?? false,
  };
}

function instanceView(
  fleet: FleetFacts,
  services: readonly WatchedService[],
  { endpoint, status, reason, report }: WatchedInstance,
  second: number,
  opinions: ReadonlyMap<string, readonly NodeOpinion[]>,
): InstanceView {
  const { id, weight, zone, version, state, startedAtMs } = endpoint;
  const address = endpointAddress(endpoint);
  const own = services.filter(({ snapshot }) => snapshot?.endpoints.some((each) => each.id === id));
  const ruled = own.flatMap(({ name, rules }) => {
    const rule = rules?.document?.weight;
    const ruledWeight = rule?.mode === 'on' ? (rule.endpoints[id] ?? rule.endpoints[address]) : undefined;
    return ruledWeight === undefined ? [] : [[name, ruledWeight] as const];
  });
  return {
    ...{ id, weight, zone, version, state, startedAtMs, address, reason },
    services: own.map(({ name }) => name),
    rate: rateView(fleet.traffic.lately(second, 'instance', id)),
    ruledWeights: Object.fromEntries(ruled),
    report: status,
    server: report?.server,
    loopLagMs: report?.loopLagMs,
    opinions: opinions.get(id) ?? [],
  };
}

/** Opinions by instance, each once: several servers of a process report the same clients. */
function opinionsOf(instances: Iterable<WatchedInstance>): ReadonlyMap<string, readonly NodeOpinion[]> {
  const seen = new Set<string>();
  const by = new Map<string, NodeOpinion[]>();
  for (const { report } of instances)
    for (const opinion of report?.opinions ?? []) {
      const { client, service, instance } = opinion;
      const key = JSON.stringify([client, service, instance]);
      const list = by.get(instance) ?? [];
      if (seen.has(key) || list.length >= OPINIONS_MAX) continue;
      seen.add(key);
      list.push(opinion);
      by.set(instance, list);
    }
  return by;
}

function edges(fleet: FleetFacts, second: number): EdgeView[] {
  const all = fleet.traffic.keys('edge').map(([caller, instance, service]): EdgeView => {
    const flow = fleet.traffic.lately(second, 'edge', caller!, instance!, service!);
    return { caller: caller!, instance: instance!, service: service!, rate: rateView(flow) };
  });
  return all.sort((a, b) => b.rate.perSecond - a.rate.perSecond).slice(0, EDGES_MAX);
}

function rateView({ calls, errors, latency }: Flow): RateView {
  const [p50, p90, p99] = [50, 90, 99].map((percent) => percentile(latency, percent));
  return { perSecond: calls / RATE_SECONDS, errorPercent: calls === 0 ? 0 : (100 * errors) / calls, p50, p90, p99 };
}
