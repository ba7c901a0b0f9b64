import { Call, type Metadata } from '@org/rpc-core';
import type { ClientMethod } from '../client-method.js';
import { NodeStatus, wasTried } from '../picker/picker.js';
import type { Balancer } from './balancer.js';
import type { Node } from './node.js';

/** Why a node is not given a call, or goes behind others. */
export type NodeFault =
  | 'down'
  | 'draining'
  | 'unavailable'
  | 'breaker'
  | 'denied'
  | 'ejected'
  | 'failing'
  | 'busy'
  | 'weight'
  | 'zone'
  | 'route'
  | 'tried';

/** One instance, and what a call would find there. */
export interface ExplainedNode {
  readonly instance: string;
  /** `host:port`. */
  readonly endpoint: string;
  /**
   * `open`: it takes the call. `trial`: this call would be the trial that shows whether it is well again. `behind`: only where nothing better
   * is left. `out`: it cannot take the call.
   */
  readonly standing: 'open' | 'trial' | 'behind' | 'out';
  /** What speaks against it, the weightiest first; none for a node that is well. */
  readonly because: readonly { readonly fault: NodeFault; readonly text: string }[];
  readonly weight: number;
  readonly zone: string | undefined;
  readonly inFlight: number;
  /** The latency that is expected of it, in milliseconds. */
  readonly latencyMs: number;
}

/** Which instances there are for a call, which are left out and why, and how one is chosen: plain data. */
export interface Explanation {
  readonly schema: 1;
  readonly service: string;
  readonly method: string;
  /** Whether the registry has answered, and vouches for the list. */
  readonly known: boolean;
  readonly fresh: boolean;
  /** What chooses among the nodes that are open: `p2c`. */
  readonly picker: string;
  /** The route of the rules that leads the call; `undefined` for any instance. */
  readonly route: string | undefined;
  /** Why rules refuse every call of the method; `undefined` when they do not. */
  readonly refused: string | undefined;
  readonly nodes: readonly ExplainedNode[];
  /** The endpoint that was taken, of a call that was answered. */
  readonly taken: string | undefined;
  /** The same in a sentence. */
  readonly text: string;
}

/** What is to be explained: a call that is made, or one that could be. */
export interface ExplainedCall {
  readonly metadata?: Metadata | undefined;
  readonly hashKey?: string | undefined;
}

/** What explains the choices of a service. */
export interface ExplanationSources {
  readonly called: ClientMethod;
  /** `undefined`: the client has not used the service. */
  readonly balancer: Balancer | undefined;
  readonly picker: string;
  readonly zone: string | undefined;
  readonly now: number;
}

/** Explains what would become of a call that is made now. Nothing is changed by it, and no trial call is taken. */
export function explainCall(sources: ExplanationSources, { metadata, hashKey }: ExplainedCall): Explanation {
  const call = new Call(sources.called, [], false);
  call.metadata = metadata;
  call.hashKey = hashKey;
  call.idempotent = sources.called.idempotent;
  call.createdAt = sources.now;
  call.subset = sources.called.policy.now.router?.choose(call);
  return explain(sources, call, undefined);
}

/** What is said of a service that the client has not used. */
export function unknownService(service: string, method: string, picker: string): Explanation {
  const none = { route: undefined, refused: undefined, nodes: [], taken: undefined };
  const facts = { schema: 1 as const, service, method, known: false, fresh: false, picker, ...none };
  return { ...facts, text: describe(facts) };
}

function explain(sources: ExplanationSources, call: Call, taken: string | undefined): Explanation {
  const { called, balancer, picker, now } = sources;
  const { service, method } = called;
  const { roster } = balancer ?? {};
  const nodes = [...(balancer?.nodes ?? [])].map((node) => explainNode(sources, call, node, taken, now));
  const { rules, rule } = called.policy.now;
  // A dark switch only counts, and this is no call.
  const refused = rules?.modes.switch === 'on' ? rule?.refusal()?.reason : undefined;
  const facts = {
    schema: 1 as const,
    service,
    method,
    known: roster?.isAnswered ?? false,
    fresh: roster?.isFresh ?? false,
    picker,
    route: call.subset?.name,
    refused,
    nodes,
    taken,
  };
  return { ...facts, text: describe(facts) };
}

function explainNode(
  { zone }: ExplanationSources,
  call: Call,
  node: Node,
  taken: string | undefined,
  now: number,
): ExplainedNode {
  const { endpoint, load, address } = node;
  const because: { fault: NodeFault; text: string }[] = [];
  const add = (fault: NodeFault, text: string): number => because.push({ fault, text });
  if (endpoint.state === 'draining' || node.link.state === 'draining') add('draining', 'it is draining');
  else if (endpoint.state === 'unavailable') add('unavailable', 'it says that it takes no calls for a while');
  else if (!node.isReady) add('down', node.downReason);
  const leadsElsewhere = call.subset !== undefined && !call.subset.includes(node);
  if (leadsElsewhere) add('route', `the route "${call.subset!.name}" leads elsewhere`);
  addHealth(node, call.method, now, add);
  if (address !== taken && wasTried(call, node)) add('tried', 'an attempt of the call has failed there');
  const status = node.status(call, now);
  if (status === NodeStatus.SUSPECT && because.length === 0) add('busy', 'it is full, or has not said anything yet');
  if (endpoint.weight === 0) add('weight', 'its weight is 0');
  const isOut = status === NodeStatus.DOWN || (leadsElsewhere && call.subset!.isStrict);
  const isFar = zone !== undefined && endpoint.zone !== undefined && endpoint.zone !== zone;
  const standing = standingOf(status, isOut, leadsElsewhere || endpoint.weight === 0);
  if (isFar) add('zone', `it is in zone ${endpoint.zone}, this client in ${zone}`);
  const { id: instance, weight, zone: its } = endpoint;
  const latencyMs = load.estimateMs(now);
  return { instance, endpoint: address, standing, because, weight, zone: its, inFlight: load.inFlight, latencyMs };
}

function addHealth(node: Node, method: string, now: number, add: (fault: NodeFault, text: string) => void): void {
  const { breakers, denies, ejected, failing } = node.health(now);
  const seconds = (ms: number): string => (ms === 0 ? 'is due' : `is due in ${Math.ceil(ms / 1_000)} s`);
  const open = breakers.find((breaker) => breaker.method === method);
  if (ejected !== undefined)
    add('ejected', `it is ejected for its failures; a trial call ${seconds(ejected.trialInMs)}`);
  if (open !== undefined) add('breaker', `its breaker of ${method} is open; a trial call ${seconds(open.trialInMs)}`);
  if (denies.includes(method)) add('denied', `it denies ${method}, which its peers answer`);
  if (failing !== undefined && ejected === undefined && open === undefined)
    add('failing', `${failing.failures} calls to it have failed since the last success`);
}

function standingOf(status: NodeStatus, isOut: boolean, isBehind: boolean): ExplainedNode['standing'] {
  if (isOut) return 'out';
  if (isBehind) return 'behind';
  if (status === NodeStatus.OPEN) return 'open';
  return status === NodeStatus.PROBE ? 'trial' : 'behind';
}

const NODES_SHOWN = 5;

function describe({ service, method, known, picker, refused, nodes, taken, route }: Omit<Explanation, 'text'>): string {
  if (refused !== undefined) return refused;
  if (nodes.length === 0)
    return known
      ? `"${service}" has no instance`
      : `nothing is known of "${service}": it was not used, or the registry has not answered`;
  const open = nodes.filter(({ standing }) => standing === 'open').length;
  const parts = [`${open} of ${nodes.length} instances take calls of ${service}.${method}`];
  if (route !== undefined) parts.push(`the route "${route}" leads them`);
  const others = nodes.filter(({ standing }) => standing !== 'open');
  for (const { endpoint, because } of others.slice(0, NODES_SHOWN))
    parts.push(`${endpoint}: ${because.map(({ text }) => text).join(', ')}`);
  if (others.length > NODES_SHOWN) parts.push(`and ${others.length - NODES_SHOWN} more`);
  parts.push(taken === undefined ? `${picker} chooses` : `${picker} has chosen ${taken}`);
  return parts.join('; ');
}
