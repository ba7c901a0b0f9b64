import type { RouteRule, RulePolicy, RulesDocument } from '@org/rpc-core';
import { POLICIES, RULE_POLICIES, ruleModes } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { countAbove } from '../traffic/histogram.js';
import type { Flow, Pair } from '../traffic/traffic.js';

/** The effect that a rule would have had on the calls of the last minutes. */
export interface RulePreview {
  readonly policy: RulePolicy;
  readonly mode: 'dark' | 'on';
  /** How many calls came from the clients that the rule is for. */
  readonly calls: number;
  /** How many of those calls the rule would have changed; `undefined` when past calls cannot tell. */
  readonly affected: number | undefined;
  /** In words, what `affected` counts, or why it is unknown. */
  readonly meaning: string;
  readonly methods: Readonly<Record<string, number>>;
  readonly callers: Readonly<Record<string, number>>;
}

/** The calls of one pair in the last minutes. */
export interface PastCalls {
  readonly pair: Pair;
  readonly flow: Flow;
}

/** How many calls of a flow a rule would have changed. `undefined`: unknown. */
type Judge = (calls: PastCalls) => number | undefined;

interface Verdict {
  readonly meaning: string;
  readonly judge: Judge;
}

/**
 * The effect that each rule of a document would have had on the calls of a service, as its servers have counted them. The clients that a rule
 * is for are chosen by name, exactly as clients do it themselves. Times are measured on the server: network time is not included.
 *
 * @param past - the calls of the service
 * @param endpoints - endpoints by instance, for rules about instances
 */
export function previewRules(
  service: string,
  document: RulesDocument,
  past: readonly PastCalls[],
  endpoints: ReadonlyMap<string, Endpoint>,
): RulePreview[] {
  const own = past.filter(({ pair }) => pair.service === service);
  return RULE_POLICIES.flatMap((policy) => {
    const rule = document[policy];
    if (rule === undefined || rule.mode === 'off') return [];
    const inScope = own.filter(({ pair }) => isFor(pair, document, policy));
    const { meaning, judge } = verdictOf(policy, document, endpoints);
    const methods: Record<string, number> = Object.create(null);
    const callers: Record<string, number> = Object.create(null);
    let affected: number | undefined = 0;
    let calls = 0;
    for (const each of inScope) {
      calls += each.flow.calls;
      const some = judge(each);
      if (some === undefined) {
        affected = undefined;
        break;
      }
      affected += some;
      if (some > 0) {
        methods[each.pair.method] = (methods[each.pair.method] ?? 0) + some;
        callers[each.pair.caller] = (callers[each.pair.caller] ?? 0) + some;
      }
    }
    return [{ policy, mode: rule.mode, calls, affected, meaning, methods: { ...methods }, callers: { ...callers } }];
  });
}

/** Whether a rule is for the end of a call that follows it: the client by its name, or the server by its id. */
function isFor({ service, caller, instance }: Pair, document: RulesDocument, policy: RulePolicy): boolean {
  const { side = 'client' } = POLICIES[policy] as { readonly side?: 'client' | 'server' };
  return ruleModes(side, document, side === 'client' ? caller : instance, service)[policy] !== 'off';
}

function verdictOf(policy: RulePolicy, document: RulesDocument, endpoints: ReadonlyMap<string, Endpoint>): Verdict {
  switch (policy) {
    case 'timeout':
      return {
        meaning: 'calls that took longer than the timeout',
        judge: ({ pair, flow }) => {
          const { timeoutMs, attemptTimeoutMs } = valuesFor(document, 'timeout', pair);
          const limits = [timeoutMs, attemptTimeoutMs].filter((each) => typeof each === 'number');
          return limits.length === 0 ? 0 : countAbove(flow.latency, Math.min(...limits));
        },
      };
    case 'retry':
      return {
        meaning: 'calls that failed before or at a server that refused them, which are repeated more or less often',
        judge: ({ pair, flow }) => (valuesFor(document, 'retry', pair).max === undefined ? 0 : refusedOf(flow)),
      };
    case 'hedge':
      return {
        meaning: 'calls that took longer than the delay, and would have been sent a second time',
        judge: ({ pair, flow }) => {
          const { delayMs, percentile } = valuesFor(document, 'hedge', pair);
          if (typeof delayMs === 'number') return countAbove(flow.latency, delayMs);
          return typeof percentile === 'number' ? (flow.calls * (100 - percentile)) / 100 : 0;
        },
      };
    case 'fallback':
      return { meaning: 'calls that failed, and would have been answered', judge: ({ flow }) => flow.errors };
    case 'mirror':
      return {
        meaning: 'calls that would have been made a second time, if their methods are idempotent',
        judge: share('mirror', document, ({ callPercent }) => callPercent),
      };
    case 'fault':
      return {
        meaning: 'calls that would have been late, failed or dropped',
        judge: share('fault', document, ({ delayPercent = 0, errorPercent = 0, dropPercent = 0 }) =>
          Math.min(100, Number(delayPercent) + Number(errorPercent) + Number(dropPercent)),
        ),
      };
    case 'weight':
      return { meaning: 'calls to instances that would weigh otherwise', judge: weighed(document, endpoints) };
    case 'switch':
      return {
        meaning: 'calls that would have been refused',
        judge: ({ pair, flow }) => {
          const said = ofMethod(document.switch?.methods, pair.method);
          return said !== undefined && (said as { enabled?: boolean }).enabled === false ? flow.calls : 0;
        },
      };
    case 'route':
      return { meaning: 'calls that would have gone elsewhere', judge: routed(document.route!, endpoints) };
    default:
      return { meaning: 'calls that have ended do not tell', judge: () => undefined };
  }
}

type Values = Readonly<Record<string, unknown>>;

/** A rule's values for a method; for a stream only the values of the method itself. */
function valuesFor(document: RulesDocument, policy: RulePolicy, { method, kind }: Pair): Values & { max?: unknown } {
  const { methods, ...all } = document[policy] as unknown as Values & { methods?: Readonly<Record<string, Values>> };
  const own = ofMethod(methods, method) ?? {};
  return kind === 'unary' || policy !== 'timeout' ? { ...all, ...own } : own;
}

function ofMethod<V>(methods: Readonly<Record<string, V>> | undefined, method: string): V | undefined {
  return methods !== undefined && Object.hasOwn(methods, method) ? methods[method] : undefined;
}

/** How many calls ended with a code with which servers refuse calls that have not begun. */
function refusedOf({ codes }: Flow): number {
  return (codes.get('UNAVAILABLE') ?? 0) + (codes.get('RESOURCE_EXHAUSTED') ?? 0);
}

function share(policy: 'mirror' | 'fault', document: RulesDocument, percentOf: (values: Values) => unknown): Judge {
  return ({ pair, flow }) =>
    (flow.calls * Number(percentOf(valuesOf(document[policy] as unknown as Values, pair)))) / 100;
}

function valuesOf(rule: Values, { method }: Pair): Values {
  const { methods, ...all } = rule as Values & { methods?: Readonly<Record<string, Values>> };
  return { ...all, ...ofMethod(methods, method) };
}

function weighed(document: RulesDocument, endpoints: ReadonlyMap<string, Endpoint>): Judge {
  const said = document.weight?.endpoints ?? {};
  return ({ pair, flow }) => {
    const endpoint = endpoints.get(pair.instance);
    const address = endpoint && `${endpoint.host}:${endpoint.port}`;
    const weight = ofMethod(said, pair.instance) ?? (address === undefined ? undefined : ofMethod(said, address));
    return weight === undefined || weight === endpoint?.weight ? 0 : flow.calls;
  };
}

/** Counted calls have no metadata and no arguments, so a route that matches these cannot be judged. */
function routed({ routes }: RouteRule, endpoints: ReadonlyMap<string, Endpoint>): Judge {
  return ({ pair, flow }) => {
    let left = flow.calls;
    let elsewhere = 0;
    for (const { match, share: percent = 100, to } of routes) {
      if (match?.metadata !== undefined || match?.shards !== undefined) return undefined;
      if (match?.methods !== undefined && !match.methods.includes(pair.method)) continue;
      const some = (left * percent) / 100;
      if (!fits(to, pair.instance, endpoints.get(pair.instance))) elsewhere += some;
      left -= some;
    }
    return elsewhere;
  };
}

function fits(to: RouteRule['routes'][number]['to'], instance: string, endpoint: Endpoint | undefined): boolean {
  if (to === undefined) return true;
  if (to.instances !== undefined && !to.instances.includes(instance)) return false;
  if (to.zone !== undefined && to.zone !== endpoint?.zone) return false;
  return Object.entries(to.tags ?? {}).every(([key, value]) => endpoint?.tags?.[key] === value);
}
