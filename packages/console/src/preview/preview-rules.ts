import { isDeepStrictEqual } from 'node:util';
import type { RouteRule, RuleMode, RulePolicy, RulesDocument } from '@org/rpc-core';
import { POLICIES, RULE_POLICIES, ruleModes } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { countAbove } from '../traffic/histogram.js';
import type { Pair, PairCalls } from '../traffic/traffic.js';
import type { Trouble } from '../traffic/troubles.js';
import { liftedRule } from './lifted-rule.js';
import { limitVerdict } from './limit-verdict.js';
import { retryVerdict } from './retry-verdict.js';
import { timeoutVerdict } from './timeout-verdict.js';
import { type Judge, ofMethod, type Values, type Verdict, valuesFor } from './verdict.js';

/** The effect that a rule would have had on the calls of the last minutes. */
export interface RulePreview {
  readonly policy: RulePolicy;
  /** `off`: the rule in force is switched off or left out. */
  readonly mode: RuleMode;
  /** How many calls came from the clients that the rule is for, with those that clients refused by the rule in force. */
  readonly calls: number;
  /** How many of those calls the rule would have changed; `undefined` when past calls cannot tell. */
  readonly affected: number | undefined;
  /** In words, what `affected` counts, or why it is unknown. */
  readonly meaning: string;
  /** Whether `affected` is a bound: past calls do not tell of each of them. */
  readonly isAtMost: boolean;
  readonly methods: Readonly<Record<string, number>>;
  readonly callers: Readonly<Record<string, number>>;
  /** Whether just this rule is in force already, so that setting it changes nothing: then the counts are what it concerned as it is. */
  readonly isInForce: boolean;
}

/**
 * The effect that each rule of a document would have had on the calls of a service, as its servers have counted them. The clients that a rule
 * is for are chosen by name, exactly as clients do it themselves. Times are measured on the server: network time is not included.
 *
 * @param past - the calls of the service
 * @param endpoints - endpoints by instance, for rules about instances
 * @param current - the document in force
 * @param troubles - what clients tell of the rules in force: of calls that they refuse servers know nothing
 */
export function previewRules(
  service: string,
  document: RulesDocument,
  past: readonly PairCalls[],
  endpoints: ReadonlyMap<string, Endpoint>,
  current?: RulesDocument,
  troubles: readonly Trouble[] = [],
): RulePreview[] {
  const own = past.filter(({ pair }) => pair.service === service);
  return RULE_POLICIES.flatMap((policy) => {
    const rule = document[policy];
    const wasOn = current?.[policy]?.mode === 'on';
    if (rule === undefined || rule.mode === 'off') {
      return wasOn ? [withoutRule(policy, service, own, current, troubles)] : [];
    }
    const inScope = own.filter(({ pair }) => isFor(pair, document, policy));
    const { meaning, judge, isAtMost = false } = verdictOf(policy, document, endpoints, inScope, current);
    const methods: Record<string, number> = Object.create(null);
    const callers: Record<string, number> = Object.create(null);
    let affected: number | undefined = 0;
    let calls = 0;
    for (const each of inScope) {
      calls += each.flow.calls;
      const some = judge(each);
      if (some === undefined || affected === undefined) {
        affected = undefined;
        continue;
      }
      affected += some;
      if (some > 0) {
        methods[each.pair.method] = (methods[each.pair.method] ?? 0) + some;
        callers[each.pair.caller] = (callers[each.pair.caller] ?? 0) + some;
      }
    }
    const isInForce = isDeepStrictEqual(current?.[policy], rule);
    const row = { policy, mode: rule.mode, calls, affected, meaning, isAtMost, isInForce };
    const preview: RulePreview = { ...row, methods: { ...methods }, callers: { ...callers } };
    return [wasOn && LIMITS.has(policy) ? withRefused(preview, service, troubles) : preview];
  });
}

/** Limits of clients: servers do not see what they refuse. */
const LIMITS: ReadonlySet<RulePolicy> = new Set(['rateLimit', 'concurrency']);

/** A rule that is no more: what it did ends. */
function withoutRule(
  policy: RulePolicy,
  service: string,
  own: readonly PairCalls[],
  current: RulesDocument,
  troubles: readonly Trouble[],
): RulePreview {
  const { count, unseen, meaning, methods, callers } = liftedRule(policy, service, troubles);
  const inScope = own.filter(({ pair }) => isFor(pair, current, policy));
  const seen = inScope.reduce((sum, { flow }) => sum + flow.calls, 0);
  return {
    ...{ policy, mode: 'off', calls: seen + unseen, affected: count, isAtMost: false, isInForce: false },
    meaning: `it would end: ${meaning}`,
    methods: Object.fromEntries(methods),
    callers: Object.fromEntries(callers),
  };
}

/** The row of a limit, with those that the one in force has refused or held up: how many of them another one lets pass nobody knows. */
function withRefused(row: RulePreview, service: string, troubles: readonly Trouble[]): RulePreview {
  const { count = 0, unseen, methods, callers } = liftedRule(row.policy, service, troubles);
  if (count === 0) return row;
  const { affected, meaning } = row;
  const now = `${count.toLocaleString('en-US')} calls were refused by the rule in force or waited for it: how many of them would pass cannot be told`;
  return {
    ...row,
    calls: row.calls + unseen,
    affected: affected === undefined ? undefined : affected + count,
    isAtMost: true,
    meaning: `${now}. ${affected === undefined ? meaning : `${Math.round(affected).toLocaleString('en-US')} ${meaning}`}`,
    methods: addUp(row.methods, methods),
    callers: addUp(row.callers, callers),
  };
}

function addUp(
  counts: Readonly<Record<string, number>>,
  more: ReadonlyMap<string, number>,
): Readonly<Record<string, number>> {
  const all = new Map(Object.entries(counts));
  for (const [name, some] of more) all.set(name, (all.get(name) ?? 0) + some);
  return Object.fromEntries(all);
}

/** Whether a rule is for the end of a call that follows it: the client by its name, or the server by its id. */
function isFor({ service, caller, instance }: Pair, document: RulesDocument, policy: RulePolicy): boolean {
  const { side = 'client' } = POLICIES[policy] as { readonly side?: 'client' | 'server' };
  return ruleModes(side, document, side === 'client' ? caller : instance, service)[policy] !== 'off';
}

function verdictOf(
  policy: RulePolicy,
  document: RulesDocument,
  endpoints: ReadonlyMap<string, Endpoint>,
  inScope: readonly PairCalls[],
  current: RulesDocument | undefined,
): Verdict {
  switch (policy) {
    case 'timeout':
      return timeoutVerdict(document, current, inScope);
    case 'retry':
      return retryVerdict(document);
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
      return routesOf(document.route!, endpoints, inScope);
    default:
      return (
        limitVerdict(policy, document, inScope) ?? {
          meaning: WHY_NOT[policy] ?? 'calls that have ended do not tell',
          judge: () => undefined,
        }
      );
  }
}

/** Why past calls do not tell what a rule would have changed, and who does. */
const WHY_NOT: Readonly<Partial<Record<RulePolicy, string>>> = {
  ejection:
    'not counted: only clients see which calls failed one after the other. Set it dark: they report which instances they would leave alone',
  retryBudget: 'not counted: only clients know which calls are repeats. Set it dark, and look at what they report',
  retryLater: 'not counted: calls that could not be sent reach no server',
  overload:
    'not counted: for how long handlers held the event loop is known in its turn alone. Set it, and look at the calls that are refused',
};

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

/** What routes would have done; in words where a route goes by what no server counts. */
function routesOf(rule: RouteRule, endpoints: ReadonlyMap<string, Endpoint>, inScope: readonly PairCalls[]): Verdict {
  const blind = rule.routes.find(({ match }) => match?.metadata !== undefined);
  if (blind !== undefined) {
    const { methods } = blind.match!;
    const own = inScope.filter(({ pair }) => methods === undefined || methods.includes(pair.method));
    const most = own.reduce((sum, { flow }) => sum + flow.calls, 0);
    const meaning = `not counted: the route "${blind.name}" goes by metadata, which servers do not count. It is for at most ${most} calls; set it dark, and clients report how many it would lead`;
    return { meaning, judge: () => undefined };
  }
  const hasShards = rule.routes.some(({ match }) => match?.shards !== undefined);
  const about = hasShards ? ', if all have a key and keys are spread evenly' : '';
  return { meaning: `calls that would have gone elsewhere${about}`, judge: routed(rule, endpoints) };
}

function routed({ routes }: RouteRule, endpoints: ReadonlyMap<string, Endpoint>): Judge {
  return ({ pair, flow }) => {
    let left = flow.calls;
    let elsewhere = 0;
    for (const { match, share: percent = 100, to } of routes) {
      if (match?.methods !== undefined && !match.methods.includes(pair.method)) continue;
      const shards = match?.shards === undefined ? 1 : match.shards.in.length / match.shards.of;
      const some = (left * percent * shards) / 100;
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
