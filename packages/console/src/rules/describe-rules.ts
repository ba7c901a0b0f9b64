import type { RuleMode, RulePolicy, RulesDocument } from '@org/rpc-core';
import { POLICIES, plainText, RULE_POLICIES } from '@org/rpc-core/internal';

/** So many values of a rule are named where there is little room. */
const VALUES_SHOWN = 4;

/** One row for each rule of a document: policy, mode, percent and values. */
export function ruleRows(document: RulesDocument): string[][] {
  return RULE_POLICIES.flatMap((policy) => {
    const rule = document[policy];
    if (rule === undefined) return [];
    return [[policy, rule.mode, `${rule.percent} %`, valuesOf(document, policy).join(', ') || '-']];
  });
}

/** The rules of a document in a few words, with their values, also of those that are not in force: `retry: 0 retries (on); timeout: timeoutMs 500 (off)`. */
export function summaryOf(document: RulesDocument): string {
  return RULE_POLICIES.flatMap((policy) => describeRule(document, policy) ?? []).join('; ') || 'no rules';
}

/**
 * A rule in words: what it says, then its mode. `undefined` where the document has none of the policy.
 * @param mode - what the rule in force is for one client or server; left out: that of the document, with its percentage
 */
export function describeRule(document: RulesDocument, policy: RulePolicy, mode?: RuleMode): string | undefined {
  const rule = document[policy];
  if (rule === undefined) return undefined;
  const values = valuesOf(document, policy);
  const more = values.length - VALUES_SHOWN;
  const shown = more > 1 ? [...values.slice(0, VALUES_SHOWN), `${more} more values`] : values;
  if (mode !== undefined) return `${policy}: ${[...shown, FOLLOWED[mode]].join(', ')}`;
  const scope = rule.percent < 100 && rule.mode !== 'off' ? ` for ${rule.percent} % of the ${sideOf(policy)}s` : '';
  return `${[`${policy}:`, ...(shown.length === 0 ? [] : [shown.join(', ')])].join(' ')} (${MODES[rule.mode]}${scope})`;
}

/** Which end of a call follows a rule. */
export function sideOf(policy: RulePolicy): 'client' | 'server' {
  return (POLICIES[policy] as { readonly side?: 'client' | 'server' }).side ?? 'client';
}

/** A mode alone reads as if it said what the rule does: `retry on` also of a rule that allows no retries. */
const MODES: Readonly<Record<RuleMode, string>> = { on: 'on', dark: 'dark: only counted', off: 'off' };
const FOLLOWED: Readonly<Record<RuleMode, string>> = { on: 'in force (on)', dark: 'dark (only counted)', off: 'off' };

/**
 * The differences between two documents, one line for each value: `+` for added, `-` for removed, `~` for changed. The version is
 * left out, and so is when and by whom they were set.
 */
export function rulesDifference(before: RulesDocument | undefined, after: RulesDocument | undefined): string[] {
  const [old, next] = [leavesOf(before), leavesOf(after)];
  const paths = [...new Set([...old.keys(), ...next.keys()])];
  return paths.flatMap((path) => {
    const [from, to] = [old.get(path), next.get(path)];
    if (from === to) return [];
    if (from === undefined) return [`+ ${path}: ${to}`];
    return [to === undefined ? `- ${path}: ${from}` : `~ ${path}: ${from} -> ${to}`];
  });
}

/** The values of a rule, each with its name. */
function valuesOf(document: RulesDocument, policy: RulePolicy): string[] {
  const { mode: _, percent: __, ...values } = document[policy]!;
  return [...leavesOf(values)].map(([path, value]) => {
    const name = path.replace(/^(methods|endpoints)\./, '');
    const retries = policy === 'retry' ? /^(?:(.+)\.)?max$/.exec(name) : null;
    if (retries === null) return `${name} ${value}`;
    // "max 0" would have to be looked up.
    return `${retries[1] ?? ''} ${value} ${value === '1' ? 'retry' : 'retries'}`.trim();
  });
}

/** The values of a document by their paths, as JSON. */
function leavesOf(value: object | undefined): Map<string, string> {
  const leaves = new Map<string, string>();
  const visit = (path: string, each: unknown): void => {
    if (typeof each !== 'object' || each === null) leaves.set(plainText(path), plainText(JSON.stringify(each)));
    else for (const [key, inner] of Object.entries(each)) visit(path === '' ? key : `${path}.${key}`, inner);
  };
  visit('', value ?? {});
  for (const own of ['version', 'setAt', 'setBy']) leaves.delete(own);
  leaves.delete('schemaVersion');
  return leaves;
}
