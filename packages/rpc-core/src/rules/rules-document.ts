import type { BalancerValues } from '../policies/balancer.js';
import type { BreakerOptions } from '../policies/breaker.js';
import type { ConcurrencyLimitOptions } from '../policies/concurrency.js';
import type { EjectionOptions } from '../policies/ejection.js';
import type { FallbackOptions } from '../policies/fallback.js';
import type { FaultOptions } from '../policies/fault.js';
import type { HedgeOptions } from '../policies/hedge.js';
import type { MirrorOptions } from '../policies/mirror.js';
import { policyList } from '../policies/policies.js';
import type { RateLimitOptions } from '../policies/rate-limit.js';
import type { RetryOptions } from '../policies/retry.js';
import type { RetryBudgetOptions } from '../policies/retry-budget.js';
import type { RetryLaterOptions } from '../policies/retry-later.js';
import type { Route } from '../policies/route.js';
import type { OverloadOptions, ServerConcurrency } from '../policies/server-limits.js';
import type { SubsetOptions } from '../policies/subset.js';
import type { MethodSwitch } from '../policies/switch.js';
import type { ThrottleOptions } from '../policies/throttle.js';
import type { TimeoutValues } from '../policies/timeout.js';

/** What is done with a rule: it is ignored, evaluated and only reported, or applied. */
export type RuleMode = 'off' | 'dark' | 'on';

/** Values whose `percent` has another name in rules, where `percent` is the share of clients that a rule is for. */
export type InRule<V extends { readonly percent?: number | undefined }, Name extends string> = Omit<V, 'percent'> & {
  readonly [N in Name]?: number | undefined;
};

/** The policies that have a rule as values for all methods and for single ones. */
export interface MethodRules {
  readonly timeout?: MethodRule<TimeoutValues> | undefined;
  readonly retry?: MethodRule<RetryOptions> | undefined;
  readonly hedge?: MethodRule<HedgeOptions> | undefined;
  readonly throttle?: MethodRule<ThrottleOptions> | undefined;
  readonly fallback?: MethodRule<Pick<FallbackOptions, 'value' | 'enabled'>> | undefined;
  readonly retryLater?: MethodRule<RetryLaterOptions> | undefined;
  readonly mirror?: MethodRule<InRule<MirrorOptions, 'callPercent'>> | undefined;
  readonly fault?: MethodRule<FaultOptions> | undefined;
  readonly breaker?: MethodRule<BreakerOptions> | undefined;
  /** For all methods: the limit of the service, of all its calls together. */
  readonly rateLimit?: MethodRule<Partial<RateLimitOptions>> | undefined;
  readonly concurrency?: MethodRule<Partial<ConcurrencyLimitOptions>> | undefined;
}

/** The policies that have a rule as values for the service as a whole. */
export interface ServiceRules {
  readonly balancer?: ServiceRule<BalancerValues> | undefined;
  readonly ejection?: ServiceRule<EjectionOptions> | undefined;
  readonly retryBudget?: ServiceRule<InRule<RetryBudgetOptions, 'repeatPercent'>> | undefined;
  readonly subset?: ServiceRule<Pick<SubsetOptions, 'size'>> | undefined;
}

/** The policies that servers follow: their limits, beside those that clients have. */
export interface ServerRules {
  readonly serverRateLimit?: ServerRule<Partial<RateLimitOptions>> | undefined;
  readonly serverConcurrency?: ServerRule<Partial<ServerConcurrency>> | undefined;
  readonly callerRateLimit?: ServerRule<Partial<RateLimitOptions>> | undefined;
  readonly callerConcurrency?: ServerRule<Partial<Pick<ConcurrencyLimitOptions, 'max'>>> | undefined;
  readonly overload?: ServiceRule<OverloadOptions> | undefined;
}

/** The kinds of rules; a document has at most one of each. */
export type RulePolicy = keyof MethodRules | keyof ServiceRules | keyof ServerRules | 'weight' | 'route' | 'switch';

/** Which clients a rule is for, or which servers, and its mode. */
export interface RuleScope {
  readonly mode: RuleMode;
  /**
   * The share of the clients that the rule is for, or of the servers, 0 to 100 with at most two decimals (default 100). They are chosen by
   * name, so that the choice stays the same.
   */
  readonly percent: number;
}

/** Replaces the options of clients for a policy, for all methods and for single ones. */
export type MethodRule<V> = RuleScope & V & { readonly methods: Readonly<Record<string, V>> };

/** Replaces the options of clients for a policy of a service. */
export type ServiceRule<V> = RuleScope & V;

/**
 * Replaces the options of servers for a limit: of the service, of single methods, and of all services of a server together. Where several
 * services of a server say something for all, the lowest counts.
 */
export type ServerRule<V> = MethodRule<V> & { readonly server?: V | undefined };

/** Replaces the weights of endpoints. */
export interface WeightRule extends RuleScope {
  /** Weights by instance id or by `host:port`, 0 to 10,000; the id takes precedence. */
  readonly endpoints: Readonly<Record<string, number>>;
}

/** Routes calls to some of the instances. */
export interface RouteRule extends RuleScope {
  /** The first route that a call matches decides; at most 100 routes. */
  readonly routes: readonly Route[];
}

/** Switches methods off. */
export interface SwitchRule extends RuleScope {
  readonly methods: Readonly<Record<string, MethodSwitch>>;
}

/** The rules of one service: checked, complete, and immutable. One document replaces the one before as a whole. */
export interface RulesDocument extends MethodRules, ServiceRules, ServerRules {
  readonly schemaVersion: 1;
  /** Set by the registry: 1 for the first document of a service, one more for each that follows. */
  readonly version: number;
  /** Who has set the document and why, at most 500 characters. */
  readonly comment?: string | undefined;
  /** When a tool has set it, in milliseconds since 1970. Tools overwrite it; a program that sets documents itself may leave it out. */
  readonly setAt?: number | undefined;
  /** By whom, as the tool says, such as `ada@ops-1`: no proof. At most 500 characters. */
  readonly setBy?: string | undefined;
  readonly weight?: WeightRule | undefined;
  readonly route?: RouteRule | undefined;
  readonly switch?: SwitchRule | undefined;
}

/** The policies with rules, in the order in which they are shown. */
export const RULE_POLICIES: readonly RulePolicy[] = Object.freeze(
  policyList.flatMap(({ name, rule }) => (rule === undefined ? [] : (name as RulePolicy))),
);

/** One mode for each kind of rule. */
export function modesOf(mode: (policy: RulePolicy) => RuleMode): Readonly<Record<RulePolicy, RuleMode>> {
  const modes = RULE_POLICIES.map((policy) => [policy, mode(policy)]);
  return Object.freeze(Object.fromEntries(modes)) as Readonly<Record<RulePolicy, RuleMode>>;
}
