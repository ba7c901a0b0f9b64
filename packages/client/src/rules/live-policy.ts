import type { Random } from '@org/rpc-core';
import type { ActiveRules } from '../policy/active-rules.js';
import { foldPolicies, type MethodValues, type PolicySources } from '../policy/fold.js';
import { Router } from '../policy/route.js';
import { CallRule } from './call-rule.js';
import type { DarkCounts } from './dark-counts.js';

/** How the calls of a method are made now. Immutable: other rules make another one. */
export interface MethodPolicy extends MethodValues {
  /** The rules that are in it; `undefined` for none. */
  readonly rules: ActiveRules | undefined;
  /** Where rules lead calls; `undefined` for any instance. */
  readonly router: Router | undefined;
  /** What rules do besides; `undefined` for nothing. */
  readonly rule: CallRule | undefined;
  /** Whether fallback, mirror, faults and hedging are all off, as they are unless somebody asks for them. */
  readonly isUsual: boolean;
}

/** Where the rules of a service come from. */
export interface RulesPointer {
  /** The rules that hold now; swapped as a whole. */
  readonly current: ActiveRules | undefined;
  readonly counts: DarkCounts;
}

/**
 * The policy of one method, made anew with the first call after the rules were swapped. Each call asks it, which costs one
 * comparison of pointers while nothing changes.
 */
export class LivePolicy {
  readonly #of: PolicySources;
  readonly #rules: RulesPointer;
  readonly #random: Random;
  #policy: MethodPolicy;

  constructor(of: PolicySources, rules: RulesPointer, random: Random) {
    this.#random = random;
    this.#of = of;
    this.#rules = rules;
    this.#policy = resolve(of, undefined, rules.counts, random);
  }

  /** The policy of calls that are made now. */
  get now(): MethodPolicy {
    const { current } = this.#rules;
    if (current !== this.#policy.rules) this.#policy = resolve(this.#of, current, this.#rules.counts, this.#random);
    return this.#policy;
  }
}

function resolve(of: PolicySources, rules: ActiveRules | undefined, counts: DarkCounts, random: Random): MethodPolicy {
  const values = foldPolicies(of, rules);
  const mode = rules?.modes.route ?? 'off';
  const routes = rules?.document.route?.routes ?? [];
  const router = mode === 'off' ? undefined : Router.of(of.service, of.method, routes, random);
  const darkRouter = mode === 'dark' ? router : undefined;
  const isRuled = rules !== undefined && (darkRouter !== undefined || CallRule.concerns(rules, of));
  const rule = isRuled ? new CallRule(rules, of, values, counts, darkRouter) : undefined;
  return Object.freeze({
    ...values,
    rules,
    router: mode === 'on' ? router : undefined,
    rule,
    isUsual: isUsual(values),
  });
}

function isUsual({ fallback, mirror, fault, hedge }: MethodValues): boolean {
  const hasFaults = fault.delayMs > 0 || fault.errorPercent > 0 || fault.dropPercent > 0;
  return !fallback.enabled && mirror.percent === 0 && !hasFaults && hedge.max === 0;
}
