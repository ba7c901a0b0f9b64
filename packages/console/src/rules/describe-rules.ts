import type { RulesDocument } from '@org/rpc-core';
import { plainText, RULE_POLICIES } from '@org/rpc-core/internal';

/** One row for each rule of a document: policy, mode, percent and values. */
export function ruleRows(document: RulesDocument): string[][] {
  return RULE_POLICIES.flatMap((policy) => {
    const rule = document[policy];
    if (rule === undefined) return [];
    const { mode, percent, ...values } = rule;
    return [[policy, mode, `${percent} %`, describeValues(values)]];
  });
}

/** The rules of a document in a few words: `timeout on, retry dark 25 %`. */
export function summaryOf(document: RulesDocument): string {
  const rules = RULE_POLICIES.flatMap((policy) => {
    const rule = document[policy];
    if (rule === undefined) return [];
    return [`${policy} ${rule.mode}${rule.percent === 100 || rule.mode === 'off' ? '' : ` ${rule.percent} %`}`];
  });
  return rules.join(', ') || 'no rules';
}

/**
 * The differences between two documents, one line for each value: `+` for added, `-` for removed, `~` for changed. The version is
 * left out.
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

function describeValues(values: object): string {
  const leaves = [...leavesOf(values)].map(([path, value]) => `${path.replace(/^(methods|endpoints)\./, '')} ${value}`);
  return leaves.join(', ') || '-';
}

/** The values of a document by their paths, as JSON. */
function leavesOf(value: object | undefined): Map<string, string> {
  const leaves = new Map<string, string>();
  const visit = (path: string, each: unknown): void => {
    if (typeof each !== 'object' || each === null) leaves.set(plainText(path), plainText(JSON.stringify(each)));
    else for (const [key, inner] of Object.entries(each)) visit(path === '' ? key : `${path}.${key}`, inner);
  };
  visit('', value ?? {});
  leaves.delete('version');
  leaves.delete('schemaVersion');
  return leaves;
}
