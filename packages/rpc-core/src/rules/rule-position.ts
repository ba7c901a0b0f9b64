import { createHash } from 'node:crypto';
import type { RuleSide } from '../policies/description.js';
import { type AnyPolicy, POLICIES } from '../policies/policies.js';
import { modesOf, type RuleMode, type RulePolicy, type RuleScope, type RulesDocument } from './rules-document.js';

/**
 * The position of an instance among all clients, for one policy of one service: a number from 0 to below 100 that is always the
 * same. A rule is for the instances below its `percent`, so raising `percent` only adds clients. Each policy has its own order;
 * otherwise the same few clients would try every rule first.
 */
export function rulePosition(instance: string, service: string, policy: RulePolicy): number {
  const digest = createHash('sha256').update(`${policy}\0${service}\0${instance}`).digest();
  // 48 bits, so that the remainders are practically even.
  return (digest.readUIntBE(0, 6) % STEPS) / STEPS_PER_PERCENT;
}

/** The mode of a rule for one instance: `off` when the rule is not for this instance. */
export function ruleModeFor(
  scope: RuleScope | undefined,
  instance: string,
  service: string,
  policy: RulePolicy,
): RuleMode {
  if (scope === undefined || scope.mode === 'off') return 'off';
  return scope.percent >= 100 || rulePosition(instance, service, policy) < scope.percent ? scope.mode : 'off';
}

/** What each policy of a document is for one instance; `off` also where it is for the other end of calls. */
export function ruleModes(
  side: RuleSide,
  document: RulesDocument,
  instance: string,
  service: string,
): Readonly<Record<RulePolicy, RuleMode>> {
  return modesOf((policy) => {
    const { side: its = 'client' } = POLICIES[policy] as AnyPolicy;
    return its === side ? ruleModeFor(document[policy], instance, service, policy) : 'off';
  });
}

/** Steps of a hundredth of a percent, since shares may have two decimals. */
const STEPS = 10_000;
const STEPS_PER_PERCENT = 100;
