import { type Histogram, percentile } from '../traffic/histogram.js';
import type { PairCalls, Traffic } from '../traffic/traffic.js';
import type { CallerMethodView, CallerView, RateView } from './fleet-view.js';
import type { WatchedInstance } from './watched-instance.js';

/** What callers are made from. */
export interface CallerFacts {
  readonly traffic: Traffic;
  readonly instances: ReadonlyMap<string, WatchedInstance>;
}

/** More callers than these are not shown, nor more methods of one. */
const CALLERS_MAX = 300;
const METHODS_MAX = 500;

interface Known {
  readonly instances: string[];
  readonly processes: Set<string>;
  readonly opened: Map<string, boolean>;
}

/**
 * Everybody who calls: those whose calls servers have counted lately, and those who have a service open by what their processes tell. Clients of
 * one name are one caller. The busiest first.
 */
export function callerViews({ traffic, instances }: CallerFacts, rateOf: (caller: string) => RateView): CallerView[] {
  const known = new Map<string, Known>();
  const knownOf = (name: string): Known => {
    const found = known.get(name) ?? { instances: [], processes: new Set(), opened: new Map() };
    known.set(name, found);
    return found;
  };
  for (const [caller] of traffic.keys('edge')) knownOf(caller!);
  for (const [id, { report }] of instances)
    for (const { client, service, hasCalled } of report?.clients ?? []) {
      const { instances: own, processes, opened } = knownOf(client);
      if (!own.includes(id)) own.push(id);
      processes.add(report!.process);
      opened.set(service, hasCalled || opened.get(service) === true);
    }
  const all = [...known].map(([name, { instances: own, processes, opened }]): CallerView => {
    const services = [...opened].map(([service, hasCalled]) => ({ service, hasCalled }));
    return { name, rate: rateOf(name), instances: own.sort(), processes: processes.size, opened: services };
  });
  return all.sort((a, b) => b.rate.perSecond - a.rate.perSecond || (a.name < b.name ? -1 : 1)).slice(0, CALLERS_MAX);
}

/** What a caller has called in the span of `past`, by method and instance, the most called first; at most 500. */
export function calledMethods(caller: string, past: readonly PairCalls[]): CallerMethodView[] {
  return past
    .filter(({ pair }) => pair.caller === caller)
    .map(({ pair: { service, method, instance }, flow: { calls, errors, latency } }) => {
      return { service, method, instance, calls, errors, ...shares(latency) };
    })
    .sort((a, b) => b.calls - a.calls)
    .slice(0, METHODS_MAX);
}

function shares(latency: Histogram): Pick<CallerMethodView, 'p50' | 'p99'> {
  return { p50: percentile(latency, 50), p99: percentile(latency, 99) };
}
