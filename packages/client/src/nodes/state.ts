import type { RulesState } from '../rules/service-rules.js';
import type { Balancer } from './balancer.js';
import type { LinkState } from './link.js';

/** One endpoint of a service, as the client sees it now. */
export interface NodeState {
  readonly instance: string;
  /** `host:port`. */
  readonly endpoint: string;
  /** Its connection; only `ready` takes calls. */
  readonly connection: LinkState;
  readonly draining: boolean;
  /** False when the instance says of itself that it takes no calls for a while. */
  readonly available: boolean;
  /** False when the registry has stopped listing it and it is kept because it answers, or may. */
  readonly listed: boolean;
  readonly inFlight: number;
  /** The latency that is expected of it, in milliseconds. */
  readonly latencyMs: number;
  /** Why it is not ready, in words for people. */
  readonly error: string | undefined;
}

/** One service, as the client sees it now. */
export interface ServiceState {
  /** Whether the registry vouches for the list of endpoints. */
  readonly fresh: boolean;
  /** Milliseconds since it last did, or since this client began if it never did; 0 while it does. */
  readonly ageMs: number;
  /** Whether the list is from an earlier run of this or another client, because the registry has not answered yet. */
  readonly remembered: boolean;
  readonly nodes: readonly NodeState[];
  /** What operators have ordered by rules in the registry; `undefined` when there are none. */
  readonly rules: RulesState | undefined;
}

/** What a client knows at this moment, for tools and tests: by service. */
export interface ClientState {
  readonly services: Readonly<Record<string, ServiceState>>;
}

/** Takes a picture of the client's balancers. */
export function clientState(balancers: Iterable<Balancer>, now: number): ClientState {
  const services: Record<string, ServiceState> = Object.create(null);
  for (const balancer of balancers) {
    const nodes = [...balancer.nodes].map((node) => ({
      instance: node.endpoint.id,
      endpoint: node.address,
      connection: node.link.state,
      draining: node.endpoint.state === 'draining' || node.link.state === 'draining',
      available: node.endpoint.state !== 'unavailable',
      listed: node.unlistedAt === undefined,
      inFlight: node.load.inFlight,
      latencyMs: node.load.estimateMs(now),
      error: node.link.lastError,
    }));
    const { roster, rules } = balancer;
    const { isFresh: fresh, isRemembered: remembered } = roster;
    const ageMs = roster.ageMs();
    services[balancer.service] = { fresh, ageMs, remembered, nodes, rules: rules.state() };
  }
  return { services };
}
