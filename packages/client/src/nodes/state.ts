import type { ClientMethod } from '../client-method.js';
import type { KeptCalls } from '../policy/kept-calls.js';
import { type Limiters, limitState } from '../policy/limiters.js';
import type { KeptCallsState, LimitState, NodeHealthState, RetryBudgetState } from '../policy/policy-state.js';
import type { RetryBudget } from '../policy/retry-budget.js';
import type { RulesState } from '../rules/service-rules.js';
import type { Balancer } from './balancer.js';
import type { LinkState } from './link.js';
import type { Node } from './node.js';

/** One endpoint of a service, as the client sees it now. */
export interface NodeState extends NodeHealthState {
  readonly instance: string;
  /** `host:port`. */
  readonly endpoint: string;
  /** What the registry says, with the weight that rules give it. */
  readonly weight: number;
  readonly zone: string | undefined;
  readonly version: string | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
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

/** What holds for the calls of one method that a client has used, with all options and rules. */
export interface MethodState {
  /** Of the whole call, in milliseconds; `undefined`: none. */
  readonly timeoutMs: number | undefined;
  /** Of an attempt, where one was set. */
  readonly attemptTimeoutMs: number | undefined;
  /** Attempts after the first that a call may make. */
  readonly retries: number;
  /** Second attempts beside a slow first one that a call may make; 0 when that is off. */
  readonly hedges: number;
  /** The share of attempts that is refused here because the servers refuse too many, 0 to 1. */
  readonly throttledShare: number;
  /** Whether a failed call gets another answer. */
  readonly hasFallback: boolean;
  /** One-way calls that a client may keep to send them later; 0 when that is off, and for methods that are answered. */
  readonly keptMax: number;
  /** The share of calls that is mirrored, and on which faults are made on purpose, in percent. */
  readonly mirroredPercent: number;
  readonly faultPercent: number;
  /** Whether rules lead its calls to some instances. */
  readonly isRouted: boolean;
  /** Limits of this method alone. */
  readonly limits: LimitState;
}

/** One service, as the client sees it now. */
export interface ServiceState {
  /** Whether the registry vouches for the list of endpoints. */
  readonly fresh: boolean;
  /** Milliseconds since it last did, or since this client began if it never did; 0 while it does. */
  readonly ageMs: number;
  /** Whether the list is from an earlier run of this or another client, because the registry has not answered yet. */
  readonly remembered: boolean;
  /** What chooses among the nodes: `p2c`. */
  readonly picker: string;
  readonly nodes: readonly NodeState[];
  /** What operators have ordered by rules in the registry; `undefined` when there are none. */
  readonly rules: RulesState | undefined;
  /** Limits of the service as a whole. */
  readonly limits: LimitState;
  /** `undefined` before the first call. */
  readonly retryBudget: RetryBudgetState | undefined;
  /** One-way calls that are sent later; `undefined` when none was ever kept. */
  readonly keptCalls: KeptCallsState | undefined;
  /** The methods that were called, by name. */
  readonly methods: Readonly<Record<string, MethodState>>;
}

/**
 * What a client knows at this moment, for tools and tests: plain data. Fields are added to it; removing one or changing what it
 * means makes another `schema`.
 */
export interface ClientState {
  readonly schema: 1;
  /** The name of the client. */
  readonly client: string;
  /** Limits of the client as a whole. */
  readonly limits: LimitState;
  /** By name. */
  readonly services: Readonly<Record<string, ServiceState>>;
}

/** Where a picture of a client is taken from. */
export interface ClientStateSources {
  readonly name: string;
  /** What its services share, and what the methods of each do. */
  readonly shared: {
    readonly limiters: Limiters;
    readonly kept: Pick<KeptCalls, 'state'>;
    readonly services: ReadonlyMap<string, { readonly limiters: Limiters; readonly budget: RetryBudget }>;
  };
  readonly balancers: Iterable<Balancer>;
  methods(service: string): Iterable<ClientMethod>;
  readonly now: number;
}

/** Takes a picture of a client. */
export function clientState({ name, shared, balancers, methods, now }: ClientStateSources): ClientState {
  const services: Record<string, ServiceState> = Object.create(null);
  for (const balancer of balancers) {
    const { roster, rules, service } = balancer;
    const { isFresh: fresh, isRemembered: remembered } = roster;
    const parts = shared.services.get(service);
    const called: Record<string, MethodState> = Object.create(null);
    for (const method of methods(service)) called[method.method] = methodState(method);
    services[service] = {
      fresh,
      ageMs: roster.ageMs(),
      remembered,
      picker: balancer.picker,
      nodes: [...balancer.nodes].map((node) => nodeState(node, now)),
      rules: rules.state(),
      limits: limitState(parts?.limiters),
      retryBudget: parts?.budget.state(now),
      keptCalls: shared.kept.state(service),
      methods: called,
    };
  }
  return { schema: 1, client: name, limits: limitState(shared.limiters), services };
}

function nodeState(node: Node, now: number): NodeState {
  const { endpoint, link, load } = node;
  return {
    instance: endpoint.id,
    endpoint: node.address,
    weight: endpoint.weight,
    zone: endpoint.zone,
    version: endpoint.version,
    tags: endpoint.tags,
    connection: link.state,
    draining: endpoint.state === 'draining' || link.state === 'draining',
    available: endpoint.state !== 'unavailable',
    listed: node.unlistedAt === undefined,
    inFlight: load.inFlight,
    latencyMs: load.estimateMs(now),
    error: link.lastError,
    ...node.health(now),
  };
}

function methodState({ policy, throttle, limiters, oneWay }: ClientMethod): MethodState {
  const { timeout, retry, hedge, fallback, retryLater, mirror, fault, router } = policy.now;
  return {
    timeoutMs: Number.isFinite(timeout.timeoutMs) ? timeout.timeoutMs : undefined,
    attemptTimeoutMs: timeout.attemptTimeoutMs,
    retries: retry.max,
    hedges: hedge.max,
    throttledShare: throttle.share,
    hasFallback: fallback.enabled,
    keptMax: oneWay ? retryLater.max : 0,
    mirroredPercent: mirror.percent,
    faultPercent: Math.max(fault.errorPercent, fault.dropPercent, fault.delayMs === 0 ? 0 : fault.delayPercent),
    isRouted: router !== undefined,
    limits: limitState(limiters),
  };
}
