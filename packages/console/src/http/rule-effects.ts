import type { OperatorReport } from '@org/rpc';
import type { RuleMode, RulePolicy, RulesDocument } from '@org/rpc-core';
import { RULE_POLICIES } from '@org/rpc-core/internal';
import { describeRule, sideOf } from '../rules/describe-rules.js';
import type { PairCalls } from '../traffic/traffic.js';
import type { Trouble } from '../traffic/troubles.js';

/** What a rule in force has done to the calls of the last minutes. */
export interface RuleEffect {
  readonly policy: RulePolicy;
  readonly mode: RuleMode;
  /** The rule in words. */
  readonly says: string;
  /** In words, with counts. */
  readonly did: string;
  /** Of how many processes or instances it is a limit each, and what that means; `undefined` where that is not the question. */
  readonly scope: string | undefined;
}

/** What effects are found from. */
export interface EffectFacts {
  readonly service: string;
  /** What went wrong, or was done, in the last minutes. */
  readonly troubles: readonly Trouble[];
  /** The calls of the same time, as servers count them. */
  readonly past: readonly PairCalls[];
  /** What servers tell of themselves. */
  readonly servers: readonly OperatorReport['server'][];
}

const INSTANCES_NAMED = 5;

/** What each rule of a document has done, as clients and servers tell it. */
export function ruleEffects(document: RulesDocument, facts: EffectFacts): RuleEffect[] {
  return RULE_POLICIES.flatMap((policy) => {
    const mode = document[policy]?.mode;
    if (mode === undefined) return [];
    const says = describeRule(document, policy) ?? policy;
    return [{ policy, mode, says, did: didOf(policy, mode, document, facts), scope: scopeOf(policy, document) }];
  });
}

function didOf(policy: RulePolicy, mode: RuleMode, document: RulesDocument, facts: EffectFacts): string {
  if (mode === 'off') return 'nothing: it is off';
  if (mode === 'dark') return wouldText(policy, facts);
  const { service, troubles } = facts;
  const sum = (what: Trouble['what']) =>
    troubles.reduce((all, each) => {
      const isIts = each.service === service && each.rule === policy && each.what === what;
      return isIts ? all + each.count : all;
    }, 0);
  if (sideOf(policy) === 'server') return `servers have refused ${calls(refusedBy(policy, facts))} by it`;
  switch (policy) {
    case 'timeout':
      return `${calls(sum('failed'))} ran into a time that it has set`;
    case 'retry':
      return `${counted(sum('retried'), 'attempt')} repeated, as it allows`;
    case 'hedge':
      return `${calls(sum('hedged'))} sent a second time, as it says`;
    case 'rateLimit':
    case 'concurrency':
      return `${calls(sum('waited'))} waited for it, ${calls(sum('limited'))} refused by it`;
    case 'switch':
      return `${calls(sum('failed'))} refused by it`;
    case 'weight':
      return weightText(document, facts);
    default:
      return 'not counted: see the metrics of clients, and why calls failed on the page of the service';
  }
}

function wouldText(policy: RulePolicy, { service, troubles, servers }: EffectFacts): string {
  if (sideOf(policy) === 'server') {
    const since = servers.reduce((all, { rules }) => all + (rules?.[service]?.policies[policy]?.wouldApply ?? 0), 0);
    return `nothing: it is dark. Since it was set it would have changed ${calls(since)}, at the servers that tell`;
  }
  const count = troubles.reduce((all, each) => {
    return each.service === service && each.what === 'would' && each.rule === policy ? all + each.count : all;
  }, 0);
  return `nothing: it is dark. It would have changed ${calls(count)}`;
}

/** Servers name the rule in the words by which they refuse. */
function refusedBy(policy: RulePolicy, { service, troubles }: EffectFacts): number {
  const words = new RegExp(`\\b${policy}\\b.*of the rules of `);
  return troubles.reduce((all, { service: its, what, by = '', count }) => {
    return its === service && what === 'refused' && words.test(by) ? all + count : all;
  }, 0);
}

function weightText({ weight }: RulesDocument, { service, past }: EffectFacts): string {
  const own = past.filter(({ pair }) => pair.service === service);
  const all = own.reduce((sum, { flow }) => sum + flow.calls, 0);
  const names = Object.keys(weight?.endpoints ?? {});
  const parts = names.slice(0, INSTANCES_NAMED).map((name) => {
    const its = own.reduce((sum, { pair, flow }) => (pair.instance === name ? sum + flow.calls : sum), 0);
    return `${name} got ${its.toLocaleString('en-US')}`;
  });
  return `of ${calls(all)} ${parts.join(', ')}${names.length > INSTANCES_NAMED ? ', ...' : ''}`;
}

/** A rate of each process is easily taken for one of all together. */
function scopeOf(policy: RulePolicy, document: RulesDocument): string | undefined {
  const isOn = document[policy]?.mode !== 'off';
  if (!isOn) return undefined;
  if (policy === 'rateLimit' || policy === 'concurrency')
    return 'a limit of each client process by itself, not of all together: two processes may have twice as much';
  if (policy === 'serverRateLimit' || policy === 'serverConcurrency')
    return 'a limit of each server process by itself, not of the service as a whole';
  if (policy === 'callerRateLimit' || policy === 'callerConcurrency')
    return 'a limit of each caller at each server process by itself';
  return undefined;
}

function calls(count: number): string {
  return counted(count, 'call');
}

function counted(count: number, word: string): string {
  return `${count.toLocaleString('en-US')} ${word}${count === 1 ? '' : 's'}`;
}
