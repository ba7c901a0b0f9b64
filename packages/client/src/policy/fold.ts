import type { Call, CallPolicyOptions, MethodRule, RulePolicy, SetBy } from '@org/rpc-core';
import { type Complete, completeValues, POLICIES, type PolicyDescription } from '@org/rpc-core/internal';
import type { ActiveRules } from './active-rules.js';

/** A policy whatever its values are. */
type AnyPolicy = PolicyDescription<Record<string, unknown>>;

/** What one level says: `false` for off, `undefined` for nothing. */
type Said = Readonly<Record<string, unknown>> | false | undefined;

/** What one level says of all policies. */
export interface PolicySource {
  readonly options: object;
  /** Whether it speaks of the method alone: its contract, or its options in `configure`. */
  readonly isOwn: boolean;
  /** What it is called when an error says where a value comes from; left out: it has no name. */
  readonly setBy?: SetBy | undefined;
}

/** A method, and what its client was told of it, the nearest first. */
export interface PolicySources {
  readonly service: string;
  readonly method: string;
  readonly isStream: boolean;
  /** Left out: it is answered. */
  readonly isOneWay?: boolean | undefined;
  readonly sources: readonly PolicySource[];
}

/** Of these the nearest level counts for each method; the others are of a client or a service, or apply at each level. */
export const FOLDED = {
  timeout: POLICIES.timeout,
  retry: POLICIES.retry,
  hedge: POLICIES.hedge,
  throttle: POLICIES.throttle,
  fallback: POLICIES.fallback,
  retryLater: POLICIES.retryLater,
  mirror: POLICIES.mirror,
  fault: POLICIES.fault,
  failure: POLICIES.failure,
  breaker: POLICIES.breaker,
} as const;

/** The same for a service as a whole. */
export const FOLDED_FOR_SERVICE = {
  ejection: POLICIES.ejection,
  subset: POLICIES.subset,
} as const;

type Folded = typeof FOLDED;
type FoldedForService = typeof FOLDED_FOR_SERVICE;
type ValuesOf<P> = P extends PolicyDescription<infer V> ? V : never;
/** Those without a default. */
interface Optional {
  readonly timeout: 'attemptTimeoutMs';
  readonly hedge: 'delayMs';
  readonly failure: 'failureWhen';
  readonly mirror: 'to';
  readonly fault: 'code';
  readonly fallback: 'value' | 'from' | 'when';
}

/** The values of the policies of one method, each of them complete: made once, read once by a call. */
export type MethodValues = {
  readonly [P in keyof Folded]: Complete<
    ValuesOf<Folded[P]>,
    P extends keyof Optional ? Extract<Optional[P], keyof ValuesOf<Folded[P]>> : never
  >;
};

/** The policies that a call was given for itself; those that it was not given are `undefined`. */
export type CallPolicies = { readonly [P in keyof CallPolicyOptions]-?: MethodValues[P] | undefined };

/** The policies that a call was given for itself, and that go before those of its method. */
export function ownOf(call: Call): CallPolicies | undefined {
  return call.own as CallPolicies | undefined;
}

/** The values of the policies of a service as a whole. */
export type ServiceValues = {
  readonly [P in keyof FoldedForService]: Complete<
    ValuesOf<FoldedForService[P]>,
    P extends 'subset' ? keyof ValuesOf<FoldedForService[P]> : never
  >;
};

/** What a policy knows when it judges what its dark rule would have changed in a call. */
export interface DarkView {
  readonly isStream: boolean;
  /** Whether the maker of the call gave it a timeout, which goes before all rules. */
  readonly hasOwnTimeout: boolean;
  /** What holds without the dark rules. */
  readonly inForce: MethodValues;
}

/**
 * Folds what all levels say into the values that hold: rules that are on, method, service, contract, client, and then the
 * defaults. Of several values of a policy each is taken from the nearest level that gives it; a level that says `false` hides
 * those behind it.
 */
export function foldPolicies(of: PolicySources, rules: ActiveRules | undefined): MethodValues {
  return foldAll(FOLDED, of, rules) as MethodValues;
}

/**
 * The same for the policies that a call was given for itself, which go before rules. Made for each such call: no other call pays
 * for it.
 */
export function foldForCall(
  given: CallPolicyOptions,
  of: PolicySources,
  rules: ActiveRules | undefined,
): CallPolicies | undefined {
  if (!hasPolicies(given)) return undefined;
  const own: Record<keyof CallPolicies, object | undefined> = { ...NOTHING_OWN };
  for (const name of OF_CALL) {
    const value: unknown = given[name];
    if (value === undefined) continue;
    const policy = FOLDED[name] as AnyPolicy;
    const nearest = { said: saidByCall(policy, value), isOwn: true, asks: true, isRule: false };
    own[name] = foldOne(policy, of, [nearest, ...ruledSources(policy, of, rules)]);
  }
  return own as CallPolicies | undefined;
}

/** Written out: calls with other options are asked too. */
function hasPolicies({ retry, hedge, throttle, fallback, retryLater, mirror, fault }: CallPolicyOptions): boolean {
  const hasRepeats = retry !== undefined || hedge !== undefined || retryLater !== undefined;
  return hasRepeats || throttle !== undefined || fallback !== undefined || mirror !== undefined || fault !== undefined;
}

const NOTHING_OWN = {
  retry: undefined,
  hedge: undefined,
  throttle: undefined,
  fallback: undefined,
  retryLater: undefined,
  mirror: undefined,
  fault: undefined,
} satisfies CallPolicies;

const OF_CALL = Object.keys(NOTHING_OWN) as (keyof CallPolicies)[];

/** What a call was given has been checked, but is still as it was written. */
function saidByCall({ ofFunction }: AnyPolicy, given: unknown): Said {
  if (given === true) return {};
  return (ofFunction !== undefined && typeof given === 'function' ? { [ofFunction]: given } : given) as Said;
}

/** The same for the policies of a service as a whole. @param sources - what was said of it, the nearest first */
export function foldServicePolicies(sources: readonly PolicySource[], rules: ActiveRules | undefined): ServiceValues {
  return foldAll(FOLDED_FOR_SERVICE, { service: '', method: '', isStream: false, sources }, rules) as ServiceValues;
}

/** What would hold for a policy of the service if a dark rule of it were on; `undefined` where there is none. */
export function darkServicePolicy<P extends keyof ServiceValues>(
  policy: P,
  sources: readonly PolicySource[],
  rules: ActiveRules | undefined,
): ServiceValues[P] | undefined {
  if (rules?.modes[policy] !== 'dark') return undefined;
  const asOn = { ...rules, modes: { ...rules.modes, [policy]: 'on' as const } };
  return foldServicePolicies(sources, asOn)[policy];
}

/** The same for the breakers of a method; `undefined` where the rule says nothing of it. */
export function darkBreaker(
  method: string,
  sources: readonly PolicySource[],
  rules: ActiveRules,
): MethodValues['breaker'] | undefined {
  const of = { service: '', method, isStream: false, sources };
  if (Object.keys(wantedValues('breaker', of, rules)).length === 0) return undefined;
  return foldOne(
    FOLDED.breaker as unknown as AnyPolicy,
    of,
    ruleSources('breaker', method, rules),
  ) as MethodValues['breaker'];
}

function foldAll(policies: object, of: PolicySources, rules: ActiveRules | undefined): object {
  const folded = Object.entries(policies).map(([name, policy]: [string, AnyPolicy]) => {
    return [name, foldOne(policy, of, ruledSources(policy, of, rules))];
  });
  return Object.freeze(Object.fromEntries(folded));
}

/**
 * Who has set a value that holds for the calls of a method, the call's own options aside: the nearest level with which the value is there.
 * Asked when an error is made, never by a call that goes well.
 */
export function whoSet(
  policyName: 'timeout' | 'retry',
  value: string,
  of: PolicySources,
  rules: ActiveRules | undefined,
): SetBy | undefined {
  const policy = FOLDED[policyName] as unknown as AnyPolicy;
  const ruled = ruledSources(policy, of, rules);
  const all = [...ruled, ...givenSources(policy, of)];
  const at = all.findIndex((_, i) => {
    const merged = merge(policy, all.slice(0, i + 1), of.isStream);
    return merged === false || merged?.[value] !== undefined;
  });
  if (at === -1) return 'default';
  return at < ruled.length ? 'rule' : of.sources[at - ruled.length]!.setBy;
}

/** What the rule of a policy says of a method, if it is on. */
function ruledSources({ name }: AnyPolicy, { method }: PolicySources, rules: ActiveRules | undefined): Source[] {
  return rules?.modes[name as RulePolicy] === 'on' ? ruleSources(name, method, rules) : [];
}

/** What the rule of a policy wants for a method, whatever its mode; empty when it says nothing of it. */
export function wantedValues<P extends keyof Folded & RulePolicy>(
  policy: P,
  { method, isStream }: PolicySources,
  rules: ActiveRules,
): Partial<ValuesOf<Folded[P]>> {
  const sources = ruleSources(policy, method, rules);
  return (merge(FOLDED[policy] as unknown as AnyPolicy, sources, isStream) || {}) as Partial<ValuesOf<Folded[P]>>;
}

/** What one place says of one policy. */
interface Source {
  readonly said: Said;
  /** Whether it speaks of the method alone. */
  readonly isOwn: boolean;
  /** Whether naming the policy turns it on even without a value. A rule may name it only for another method. */
  readonly asks: boolean;
  /** Whether it is a rule, in which some values have another name. */
  readonly isRule: boolean;
}

function ruleSources(policy: string, method: string, { document }: ActiveRules): Source[] {
  const rule = document[policy as keyof (Folded & FoldedForService) & RulePolicy] as MethodRule<object> | undefined;
  if (rule === undefined) return [];
  return [
    { said: rule.methods?.[method] as Said, isOwn: true, asks: true, isRule: true },
    { said: rule as object as Said, isOwn: false, asks: false, isRule: true },
  ];
}

/** What the code of the client says of a policy, and the contract. */
function givenSources({ option }: AnyPolicy, { sources }: PolicySources): Source[] {
  return sources.map(({ options, isOwn }): Source => {
    const said = (option === undefined ? options : (options as Record<string, unknown>)[option]) as Said;
    return { said, isOwn, asks: true, isRule: false };
  });
}

function foldOne(policy: AnyPolicy, of: PolicySources, nearer: readonly Source[]): object {
  const merged = merge(policy, [...nearer, ...givenSources(policy, of)], of.isStream);
  if (merged === false || (policy.isOptIn && merged === undefined))
    return Object.freeze(completeValues(policy, policy.off as Record<string, unknown>));
  const found = merged ?? {};
  for (const [name, { ownForStreams }] of Object.entries(policy.values))
    if (of.isStream && ownForStreams) found[name] ??= Number.POSITIVE_INFINITY;
  return Object.freeze(completeValues(policy, found));
}

/** The values that were given; `undefined` when nobody asked for the policy, `false` when it was refused. */
function merge(
  { values }: AnyPolicy,
  sources: readonly Source[],
  isStream: boolean,
): Record<string, unknown> | false | undefined {
  const found: Record<string, unknown> = {};
  const hidden = new Set<string>();
  let isAsked = false;
  for (const { said, isOwn, asks, isRule } of sources) {
    if (said === undefined) continue;
    if (said === false) return isAsked ? found : false;
    isAsked ||= asks;
    for (const [name, { ownForStreams, inRule }] of Object.entries(values)) {
      const value = isRule && inRule === false ? undefined : said[(isRule && inRule) || name];
      if (value === undefined || hidden.has(name) || !(isOwn || !isStream || !ownForStreams)) continue;
      // Not `??=`: null is an answer that a fallback can give.
      if (found[name] === undefined) found[name] = value;
      isAsked = true;
    }
    for (const [name, { hides }] of Object.entries(values))
      if (hides !== undefined && found[name] !== undefined) hidden.add(hides);
  }
  return isAsked ? found : undefined;
}
