import { Operator } from '@org/rpc';
import type { RulesDocument } from '@org/rpc-core';
import { endpointAddress, type Snapshot } from '@org/rpc-registry';
import { type Histogram, percentile } from '../traffic/histogram.js';
import { type Flow, RATE_SECONDS, type Traffic } from '../traffic/traffic.js';
import type { Troubles } from '../traffic/troubles.js';
import { callerViews } from './caller-views.js';
import type { EdgeView, FleetView, InstanceView, LastView, MethodView, RateView, ServiceView } from './fleet-view.js';
import type { HeldOpinion, HeldOpinions } from './held-opinions.js';
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
  readonly troubles: Troubles;
  readonly opinions: HeldOpinions;
}

const EDGES_MAX = 1_000;
const TROUBLES_MAX = 500;
/** The most opinions shown of one instance. */
const OPINIONS_MAX = 50;
const STANDING_SECONDS = 10;

/** Makes the view of a fleet. @param second - now, see {@link Fleet.second} */
export function viewOf(fleet: FleetFacts, second: number): FleetView {
  const { options, trouble, omitted } = fleet;
  // Servers without services of their own are registered under the name of the operator service.
  const all = [...fleet.services.values()].filter(({ name }) => name !== Operator.name);
  const services = all.sort((a, b) => (a.name < b.name ? -1 : 1));
  const opinions = fleet.opinions.byInstance(second, OPINIONS_MAX);
  const instances = [...fleet.instances.values()].sort((a, b) => (a.endpoint.id < b.endpoint.id ? -1 : 1));
  return {
    at: options.clock.wallNow(),
    rateSeconds: RATE_SECONDS,
    registry: options.registry.display,
    namespace: options.namespace,
    trouble,
    omitted,
    services: services.map((service) => serviceView(fleet, service, second)),
    instances: instances.map((instance) => instanceView(fleet, services, instance, second, opinions)),
    edges: edges(fleet, second),
    callers: callerViews(fleet, (caller) => rateOf(fleet, second, 'caller', caller)),
    troubles: fleet.troubles.lately(second, TROUBLES_MAX),
  };
}

function serviceView(fleet: FleetFacts, { name, snapshot, rules }: WatchedService, second: number): ServiceView {
  const own = ['service', name];
  const flow = fleet.traffic.lately(second, ...own);
  const methods = fleet.traffic.keys('method').filter(([service]) => service === name);
  return {
    name,
    instances: snapshot?.endpoints.map(({ id }) => id) ?? [],
    rate: rateView(flow, lastView(fleet, second, own)),
    methods: methods
      .map(([, method]): MethodView => {
        return { name: method!, rate: rateOf(fleet, second, 'method', name, method!) };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    codes: Object.fromEntries([...flow.codes].map(([code, count]) => [code, count / RATE_SECONDS])),
    rulesVersion: rules?.version,
    isDescribed: isDescribed(fleet, snapshot),
    fresh: snapshot?.fresh ?? false,
  };
}

function isDescribed({ instances }: FleetFacts, snapshot: Snapshot | undefined): boolean | undefined {
  const told = snapshot?.endpoints.map(({ id }) => instances.get(id)?.report?.reflection) ?? [];
  return told.includes(true) ? true : told.includes(undefined) || told.length === 0 ? undefined : false;
}

function instanceView(
  fleet: FleetFacts,
  services: readonly WatchedService[],
  { endpoint, status, reason, report }: WatchedInstance,
  second: number,
  opinions: ReadonlyMap<string, readonly HeldOpinion[]>,
): InstanceView {
  const { id, weight, zone, version, state, startedAtMs } = endpoint;
  const address = endpointAddress(endpoint);
  const own = services.filter(({ snapshot }) => snapshot?.endpoints.some((each) => each.id === id));
  const ruled = own.flatMap(({ name, rules }) => {
    const rule = rules?.document?.weight;
    const ruledWeight = rule?.mode === 'on' ? (rule.endpoints[id] ?? rule.endpoints[address]) : undefined;
    return ruledWeight === undefined ? [] : [[name, ruledWeight] as const];
  });
  const held = opinions.get(id) ?? [];
  return {
    ...{ id, weight, zone, version, state, startedAtMs, address, reason },
    services: own.map(({ name }) => name),
    rate: rateOf(fleet, second, 'instance', id),
    ruledWeights: Object.fromEntries(ruled),
    report: status,
    server: report?.server,
    loopLagMs: report?.loopLagMs,
    loopLagWorstMs: report?.loopLagWorstMs,
    opinions: held,
    standing: standingOf(held),
  };
}

/** Of opinions that come and go those of the last seconds count. */
function standingOf(opinions: readonly HeldOpinion[]): InstanceView['standing'] {
  const lately = opinions.filter(({ secondsAgo }) => secondsAgo <= STANDING_SECONDS);
  if (lately.length === 0) return undefined;
  return lately.some(({ isAvoided }) => isAvoided) ? 'avoided' : 'fewer';
}

function edges(fleet: FleetFacts, second: number): EdgeView[] {
  const all = fleet.traffic.keys('edge').map(([caller, instance, service]): EdgeView => {
    const rate = rateOf(fleet, second, 'edge', caller!, instance!, service!);
    return { caller: caller!, instance: instance!, service: service!, rate };
  });
  return all.sort((a, b) => b.rate.perSecond - a.rate.perSecond).slice(0, EDGES_MAX);
}

function rateOf(fleet: FleetFacts, second: number, ...key: readonly string[]): RateView {
  return rateView(fleet.traffic.lately(second, ...key), lastView(fleet, second, key));
}

function lastView({ traffic }: FleetFacts, second: number, key: readonly string[]): LastView | undefined {
  const last = traffic.lastCalls(...key);
  if (last === undefined || last.second >= second - RATE_SECONDS) return undefined;
  return { secondsAgo: second - last.second, ...percentiles(last.latency) };
}

function rateView({ calls, errors, latency }: Flow, last: LastView | undefined): RateView {
  const errorPercent = calls === 0 ? 0 : (100 * errors) / calls;
  return {
    perSecond: calls / RATE_SECONDS,
    errorPercent,
    ...percentiles(latency),
    ...(last !== undefined && { last }),
  };
}

function percentiles(latency: Histogram): {
  p50: number | undefined;
  p90: number | undefined;
  p99: number | undefined;
} {
  const [p50, p90, p99] = [50, 90, 99].map((percent) => percentile(latency, percent));
  return { p50, p90, p99 };
}
