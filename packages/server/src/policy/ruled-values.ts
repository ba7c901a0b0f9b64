import type { RulePolicy } from '@org/rpc-core';
import type { RulesFollower } from '@org/rpc-registry/internal';
import type { RuledValues } from './level-limits.js';

/** The rules of a service, as they concern a server. */
export type FollowedRules = NonNullable<RulesFollower['current']>;

type Values = Readonly<Record<string, unknown>>;

/** A rule of a server, whichever it is: what it says for the service, for methods and for the whole server. */
type AnyRule = Values & {
  readonly methods?: Readonly<Record<string, Values>> | undefined;
  readonly server?: Values | undefined;
};

/**
 * What the rule of a policy says in a mode.
 * @param method - `undefined`: of the service, all its methods together
 * @returns `undefined` for nothing
 */
export function valuesOf(
  { document, modes }: FollowedRules,
  policy: RulePolicy,
  mode: 'on' | 'dark',
  method: string | undefined,
): Values | undefined {
  const rule = document[policy] as AnyRule | undefined;
  if (rule === undefined || modes[policy] !== mode) return undefined;
  if (method !== undefined) return rule.methods?.[method];
  const { mode: _mode, percent: _percent, methods: _methods, server: _server, ...values } = rule;
  return Object.keys(values).length === 0 ? undefined : values;
}

/**
 * What the rules of all services say for the whole server: those of the one with the lowest number, for a server is one process that all of
 * them share.
 * @param rules - by service
 * @param given - what the server's options say, for values that a rule leaves out
 */
export function strictest(
  rules: ReadonlyMap<string, FollowedRules>,
  policy: RulePolicy,
  mode: 'on' | 'dark',
  given: object | undefined,
): RuledValues | undefined {
  let lowest: RuledValues | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const service of [...rules.keys()].sort()) {
    const { document, modes } = rules.get(service)!;
    const rule = document[policy] as AnyRule | undefined;
    const said =
      policy === 'overload' && rule !== undefined
        ? valuesOf(rules.get(service)!, policy, mode, undefined)
        : rule?.server;
    if (said === undefined || modes[policy] !== mode) continue;
    const values = { ...given, ...said };
    const number = numberOf(values);
    if (lowest !== undefined && number >= least) continue;
    least = number;
    lowest = { values, from: { service, version: document.version } };
  }
  return lowest;
}

/** What a limit is known by: the number that is to be low. */
function numberOf({ perSecond, max, turnMs }: Values): number {
  const most = typeof max === 'object' ? (max as { adaptive: { max?: number } }).adaptive.max : max;
  return Number(perSecond ?? most ?? turnMs ?? Number.POSITIVE_INFINITY);
}
