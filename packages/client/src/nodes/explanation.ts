import type { Call, ExplainedNode, Explanation, Metadata, NodeFault } from '@org/rpc-core';
import type { ClientMethod } from '../client-method.js';
import { NodeStatus, wasTried } from '../picker/picker.js';
import { nameInstance } from '../policy/name-call.js';
import type { Node } from './node.js';

/** So many instances are in an explanation; whoever wants all of them looks at `client.state()`. */
const NODES_MAX = 100;

/** So many explanations are kept of a call: of its first attempts, and of its last. */
const KEPT_MAX = 16;

/** A call that could be made, as far as the choice of an instance depends on it. */
export interface ExplainedCall {
  readonly metadata?: Metadata | undefined;
  readonly hashKey?: string | undefined;
}

/** What is known of the instances of a service now. */
export interface NodesNow {
  readonly nodes: Iterable<Node>;
  /** Whether the registry has answered, and vouches for the list. */
  readonly known: boolean;
  readonly fresh: boolean;
  /** Instances outside the part that the client uses. */
  readonly unused: number;
  readonly picker: string;
  readonly zone: string | undefined;
  readonly now: number;
}

/** What is said of a service that the client has not used. */
export function unknownService(service: string, method: string, picker: string): Explanation {
  const none = {
    route: undefined,
    refused: undefined,
    nodes: [],
    omitted: 0,
    unused: 0,
    taken: undefined,
    takenInstance: undefined,
    takenBecause: undefined,
  };
  const facts = { schema: 1 as const, service, method, attempt: 0, known: false, fresh: false, picker, ...none };
  return { ...facts, text: describe(facts) };
}

/** Explains what an attempt finds now. Nothing is changed by it, and no trial call is taken. */
export function explain(call: Call, { nodes, known, fresh, unused, picker, zone, now }: NodesNow): Explanation {
  const { service, method, attempt, subset } = call;
  const { rules, rule } = (call.methodRef as ClientMethod).policy.now;
  const all = Array.from(nodes, (node) => explainNode(node, call, zone, now));
  // Those that are well are all alike: where there are too many, the others say more.
  const shown = all.length > NODES_MAX ? all.sort(byFaults).slice(0, NODES_MAX) : all;
  const facts = {
    schema: 1 as const,
    service,
    method,
    attempt,
    known,
    fresh,
    picker,
    route: subset?.name,
    // A dark switch only counts, and this is no call.
    refused: rules?.modes.switch === 'on' ? rule?.refusal()?.reason : undefined,
    nodes: shown,
    omitted: all.length - shown.length,
    unused,
    taken: undefined,
    takenInstance: undefined,
    takenBecause: undefined,
  };
  return { ...facts, text: describe(facts) };
}

function byFaults(a: ExplainedNode, b: ExplainedNode): number {
  return Math.min(b.because.length, 1) - Math.min(a.because.length, 1);
}

/** The same after the choice, with its reason; `node` is `undefined` when there was none. */
export function explainChoice(found: Explanation, call: Call, node: Node | undefined): Explanation {
  if (node === undefined) return { ...found, text: describe(found, 'none was taken') };
  const [taken, takenInstance] = [node.address, node.instance];
  const facts = { ...found, taken, takenInstance, takenBecause: reasonOf(found, call, node) };
  return { ...facts, text: describe(facts) };
}

function reasonOf({ nodes, omitted, picker }: Explanation, call: Call, node: Node): string {
  if (call.pinned !== undefined) return 'the call is for it alone';
  if (call.trail?.trial !== undefined) return 'the attempt is the trial that shows whether it is well again';
  const open = nodes.filter(({ standing }) => standing === 'open').length + omitted;
  const its = nodes.find(({ instance }) => instance === node.instance);
  if (its !== undefined && its.standing !== 'open')
    return open === 0 ? 'no better one is left' : `${picker} has chosen it all the same`;
  if (open === 1) return 'it is the only one that is open';
  const load = its === undefined ? '' : `: ${its.inFlight} in flight, some ${its.latencyMs.toFixed(1)} ms expected`;
  return `${picker} has chosen it among ${open}${load}`;
}

/** Of so many instances an error tells which were left out: each failure pays for looking at them. */
const LOOKED_AT_MAX = 16;

/** What keeps a call from an instance, in short, for one or more of them. */
const IN_SHORT: Readonly<Record<NodeFault, string>> = {
  down: 'not connected',
  draining: 'draining',
  unavailable: 'taking no calls for a while',
  breaker: 'with an open breaker',
  denied: 'denying the method',
  ejected: 'ejected',
  failing: 'failing',
  busy: 'busy or silent',
  weight: 'of weight 0',
  zone: 'in another zone',
  route: 'where no route leads',
  tried: 'tried',
};

/** Names the instances that a call has not tried and would be kept from now: `left out of 3 instances: 1 draining`; else `''`. */
export function explainLeftOut(call: Call, { nodes, zone, now }: NodesNow, size: number): string {
  if (size < 2 || size > LOOKED_AT_MAX) return '';
  const counts = new Map<string, number>();
  for (const node of nodes) {
    if (wasTried(call, node)) continue;
    const { standing, because } = explainNode(node, call, zone, now);
    const fault = because[0]?.fault;
    if (standing !== 'open' && fault !== undefined) counts.set(IN_SHORT[fault], (counts.get(IN_SHORT[fault]) ?? 0) + 1);
  }
  if (counts.size === 0) return '';
  return `left out of ${size} instances: ${Array.from(counts, ([words, count]) => `${count} ${words}`).join(', ')}`;
}

/** Adds an explanation to those of its call, of which the last ones make room when there are many. */
export function keepExplanation(kept: Explanation[], explanation: Explanation): void {
  const last = kept.at(-1);
  // An attempt that has waited in vain looks again and again.
  const looksAgain = last !== undefined && last.attempt === explanation.attempt && last.taken === undefined;
  if (kept.length >= KEPT_MAX || (looksAgain && explanation.taken === undefined)) kept.pop();
  kept.push(explanation);
}

function explainNode(node: Node, call: Call, zone: string | undefined, now: number): ExplainedNode {
  const { endpoint, load, address } = node;
  const because: { fault: NodeFault; text: string }[] = [];
  const add = (fault: NodeFault, text: string): number => because.push({ fault, text });
  if (endpoint.state === 'draining' || node.link.state === 'draining') add('draining', 'it is draining');
  else if (endpoint.state === 'unavailable') add('unavailable', 'it says that it takes no calls for a while');
  else if (!node.isReady) add('down', node.downReason);
  const leadsElsewhere = call.subset !== undefined && !call.subset.includes(node);
  if (leadsElsewhere) add('route', `the route "${call.subset!.name}" leads elsewhere`);
  addHealth(node, call.method, now, add);
  const isTried = wasTried(call, node);
  if (isTried) add('tried', 'another attempt of the call went there');
  const status = node.status(call, now);
  if (status === NodeStatus.SUSPECT && because.length === 0) add('busy', busyText(node));
  if (endpoint.weight === 0) add('weight', 'its weight is 0');
  const isOut = status === NodeStatus.DOWN || (leadsElsewhere && call.subset!.isStrict);
  const isFar = zone !== undefined && endpoint.zone !== undefined && endpoint.zone !== zone;
  const standing = standingOf(status, isOut, leadsElsewhere || isTried || endpoint.weight === 0);
  if (isFar) add('zone', `it is in zone ${endpoint.zone}, this client in ${zone}`);
  const { id: instance, weight, zone: its } = endpoint;
  const latencyMs = load.estimateMs(now);
  return { instance, endpoint: address, standing, because, weight, zone: its, inFlight: load.inFlight, latencyMs };
}

/** Why a node is not open that is connected and has not failed. */
function busyText({ link: { connection } }: Node): string {
  if (connection?.isGreeted !== true) return 'it has not said anything yet on its new connection';
  return connection.isFull ? 'it has as many calls as it takes at a time' : 'it has not answered for suspiciously long';
}

function addHealth(node: Node, method: string, now: number, add: (fault: NodeFault, text: string) => void): void {
  const { breakers, denies, ejected, failing, failingMethods } = node.health(now);
  const seconds = (ms: number): string => (ms === 0 ? 'is due' : `is due in ${Math.ceil(ms / 1_000)} s`);
  const open = breakers.find((breaker) => breaker.method === method);
  if (ejected !== undefined)
    add('ejected', `it is ejected for its failures; a trial call ${seconds(ejected.trialInMs)}`);
  if (open !== undefined) add('breaker', `its breaker of ${method} is open; a trial call ${seconds(open.trialInMs)}`);
  if (denies.includes(method)) add('denied', `it denies ${method}, which its peers answer`);
  if (ejected !== undefined || open !== undefined) return;
  const its = failingMethods.find((each) => each.method === method);
  if (its !== undefined) add('failing', `${failedText(its.failures, `of ${method}`)}, though it answers others`);
  else if (failing !== undefined) add('failing', failedText(failing.failures, 'to it'));
}

function failedText(failures: number, which: string): string {
  return `${failures} ${failures === 1 ? 'call' : 'calls'} ${which} ${failures === 1 ? 'has' : 'have'} failed since the last success`;
}

function standingOf(status: NodeStatus, isOut: boolean, isBehind: boolean): ExplainedNode['standing'] {
  if (isOut) return 'out';
  if (isBehind) return 'behind';
  if (status === NodeStatus.OPEN) return 'open';
  return status === NodeStatus.PROBE ? 'trial' : 'behind';
}

const NODES_SHOWN = 5;

function describe(facts: Omit<Explanation, 'text'>, untaken = `${facts.picker} chooses`): string {
  const { service, method, attempt, known, refused, nodes, omitted, unused, taken, takenInstance, route } = facts;
  if (refused !== undefined) return refused;
  if (nodes.length === 0)
    return known
      ? `"${service}" has no instance`
      : `nothing is known of "${service}": it was not used, or the registry has not answered`;
  const open = nodes.filter(({ standing }) => standing === 'open').length + omitted;
  const which = attempt === 0 ? '' : `attempt ${attempt + 1}: `;
  const parts = [`${which}${open} of ${nodes.length + omitted} instances take calls of ${service}.${method}`];
  if (unused > 0) parts.push(`${unused} more are outside the subset that this client uses`);
  if (route !== undefined) parts.push(`the route "${route}" leads them`);
  const others = nodes.filter(({ standing }) => standing !== 'open');
  for (const { endpoint, instance, because } of others.slice(0, NODES_SHOWN))
    parts.push(`${nameInstance(endpoint, instance)}: ${because.map(({ text }) => text).join(', ')}`);
  if (others.length > NODES_SHOWN) parts.push(`and ${others.length - NODES_SHOWN} more`);
  parts.push(taken === undefined ? untaken : `${nameInstance(taken, takenInstance)} was taken: ${facts.takenBecause}`);
  return parts.join('; ');
}
