import type { RulesDocument } from '@org/rpc-core';
import { RULE_POLICIES } from '@org/rpc-core/internal';
import type { RulesReport, StoredRules } from '@org/rpc-registry';
import { describeRule, sideOf } from './describe-rules.js';

/** What one client or server, or all processes whose clients have one name and say the same, make of the rules of a service. */
export interface RulesFollower {
  /** The name of the client, or the id of the server. */
  readonly name: string;
  /** Which end of the calls it is. */
  readonly side: 'client' | 'server';
  /** How many processes of that name say so. */
  readonly processes: number;
  /** Of clients, whether one of them has called the service, or they only have it open; `undefined` where they do not tell. */
  readonly hasCalled: boolean | undefined;
  readonly status: RulesReport['status'];
  /** The version that it has read last, and the one by which it works. */
  readonly version: number | undefined;
  readonly inForce: number | undefined;
  /** The rules that it follows, with their values. Empty: none. */
  readonly follows: readonly string[];
  /** Why it has rejected the document. */
  readonly reason: string | undefined;
}

const SERVER = '@server';

/** Whom the rules in force concern, and whom they do not: rules for clients are nothing that a server does. */
export function followersOf(
  current: StoredRules | undefined,
  history: readonly StoredRules[],
  reports: readonly RulesReport[],
): { readonly concerned: readonly RulesFollower[]; readonly others: readonly RulesFollower[] } {
  const said = current?.document === undefined ? [] : RULE_POLICIES.filter((each) => current.document![each]);
  const sides = new Set(said.map(sideOf));
  const concerned: RulesFollower[] = [];
  const others: RulesFollower[] = [];
  for (const follower of together(reports.map((report) => followerOf(report, history)))) {
    const isConcerned = follower.status === 'rejected' || sides.size === 0 || sides.has(follower.side);
    (isConcerned ? concerned : others).push(follower);
  }
  return { concerned, others };
}

/** Processes that say the same are one row. */
function together(followers: readonly RulesFollower[]): RulesFollower[] {
  const rows = new Map<string, RulesFollower>();
  for (const follower of followers) {
    const { processes: _, hasCalled, ...same } = follower;
    const key = JSON.stringify(same);
    const known = rows.get(key);
    const called = hasCalled === true || known?.hasCalled === true ? true : (hasCalled ?? known?.hasCalled);
    rows.set(key, { ...follower, processes: (known?.processes ?? 0) + 1, hasCalled: called });
  }
  return [...rows.values()];
}

/** @param history - the versions that are kept, for the values of the one that is in force there */
export function followerOf(report: RulesReport, history: readonly StoredRules[]): RulesFollower {
  const { instance, status, version, inForce, policies, reason, hasCalled } = report;
  const isServer = instance.endsWith(SERVER);
  const document = history.find((stored) => stored.version === inForce)?.document;
  return {
    name: isServer ? instance.slice(0, -SERVER.length) : instance,
    side: isServer ? 'server' : 'client',
    ...{ processes: 1, hasCalled, status, version, inForce, reason },
    follows: followedBy(policies, document),
  };
}

function followedBy(policies: RulesReport['policies'], document: RulesDocument | undefined): string[] {
  return RULE_POLICIES.flatMap((policy) => {
    const mode = policies[policy];
    if (mode === undefined || mode === 'off') return [];
    // Of a version that is not kept only this is known.
    return (document && describeRule(document, policy, mode)) ?? `${policy}: values not kept, ${mode}`;
  });
}
