import { createHash } from 'node:crypto';
import type { RuleMode, RulePolicy, RuleScope } from './rules-document.js';

/**
 * Where an instance stands among all clients, for one policy of one service: a number from 0 up to but without 100, the same
 * in every process and for ever. A rule is for those below its `percent`, so that raising it only adds clients. Each policy has
 * an order of its own, or the same few clients would try out everything.
 */
export function rulePosition(instance: string, service: string, policy: RulePolicy): number {
  const digest = createHash('sha256').update(`${policy}\0${service}\0${instance}`).digest();
  // 48 bits: what one remainder has more than another is nothing.
  return (digest.readUIntBE(0, 6) % STEPS) / STEPS_PER_PERCENT;
}

/** What a rule is for one instance: its mode, or `off` when it is not for this one. */
export function ruleModeFor(
  scope: RuleScope | undefined,
  instance: string,
  service: string,
  policy: RulePolicy,
): RuleMode {
  if (scope === undefined || scope.mode === 'off') return 'off';
  return scope.percent >= 100 || rulePosition(instance, service, policy) < scope.percent ? scope.mode : 'off';
}

/** A hundredth of a percent each, since shares may have two decimals. */
const STEPS = 10_000;
const STEPS_PER_PERCENT = 100;
