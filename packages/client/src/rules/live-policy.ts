import type { CallPolicyOptions, CallTerms, Random, SetBy } from '@org/rpc-core';
import type { RulesFollower } from '@org/rpc-registry/internal';
import type { ActiveRules } from '../policy/active-rules.js';
import {
  type CallPolicies,
  foldForCall,
  foldPolicies,
  type MethodValues,
  type PolicySources,
  whoSet,
} from '../policy/fold.js';
import { Router } from '../policy/route.js';
import { CallRule, type JudgedParts, type RuledLimits } from './call-rule.js';

/** How the calls of a method are made now. Immutable: other rules make another one. */
export interface MethodPolicy extends MethodValues {
  /** The rules that are in it; `undefined` for none. */
  readonly rules: ActiveRules | undefined;
  /** Where rules lead calls; `undefined` for any instance. */
  readonly router: Router | undefined;
  /** What rules do besides; `undefined` for nothing. */
  readonly rule: CallRule | undefined;
  /** Whether fallback, mirror, faults, hedging and, for one-way calls, sending later are all off, as they are unless somebody asks for them. */
  readonly isUsual: boolean;
}

/** Where the rules of a service come from. */
export interface RulesPointer {
  /** The rules that hold now; swapped as a whole. */
  readonly current: ActiveRules | undefined;
  readonly counts: RulesFollower['counts'];
}

/**
 * The policy of one method, made anew with the first call after the rules were swapped. Each call asks it, which costs one
 * comparison of pointers while nothing changes.
 */
export class LivePolicy implements CallTerms {
  readonly #of: PolicySources;
  readonly #rules: RulesPointer;
  readonly #random: Random;
  readonly #limits: RuledLimits | undefined;
  readonly #parts: JudgedParts;
  #policy: MethodPolicy;

  /**
   * @param limits - those of the method and its service, which rules may change; left out where there are none
   * @param judged - by which dark rules are judged
   */
  constructor(
    of: PolicySources,
    rules: RulesPointer,
    random: Random,
    limits?: RuledLimits,
    judged?: Omit<JudgedParts, 'random'>,
  ) {
    const { throttle, kept, troubles } = judged ?? {};
    this.#parts = { random, throttle, kept, troubles };
    this.#limits = limits;
    this.#random = random;
    this.#of = of;
    this.#rules = rules;
    this.#policy = this.#resolve(undefined);
  }

  /** The policy of calls that are made now. */
  get now(): MethodPolicy {
    const { current } = this.#rules;
    if (current !== this.#policy.rules) this.#policy = this.#resolve(current);
    return this.#policy;
  }

  /** The policies that a call is given for itself, with what holds for the method behind them; `undefined` where it is given none. */
  ownOf(options: CallPolicyOptions): CallPolicies | undefined {
    return foldForCall(options, this.#of, this.now.rules);
  }

  /** The version of the rules in force. */
  get rulesVersion(): number | undefined {
    return this.now.rules?.document.version;
  }

  /** The timeouts of calls that are made now. */
  get timeout(): MethodPolicy['timeout'] {
    return this.now.timeout;
  }

  /** Who has set a value that holds now, for the error of a call that it has ended. */
  setBy(policy: 'timeout' | 'retry', value: string): SetBy | undefined {
    return whoSet(policy, value, this.#of, this.now.rules);
  }

  #resolve(rules: ActiveRules | undefined): MethodPolicy {
    const of = this.#of;
    const { counts } = this.#rules;
    const values = foldPolicies(of, rules);
    const mode = rules?.modes.route ?? 'off';
    const routes = rules?.document.route?.routes ?? [];
    const router = mode === 'off' ? undefined : Router.of(of.service, of.method, routes, this.#random);
    const darkRouter = mode === 'dark' ? router : undefined;
    const hasLimits = rules !== undefined && CallRule.limits(rules, of);
    const isRuled = rules !== undefined && (darkRouter !== undefined || CallRule.concerns(rules, of));
    const rule = isRuled
      ? new CallRule(rules, of, values, counts, darkRouter, hasLimits ? this.#limits : undefined, this.#parts)
      : undefined;
    return Object.freeze({
      ...values,
      rules,
      router: mode === 'on' ? router : undefined,
      rule,
      isUsual: isUsual(values, of) && !hasLimits,
    });
  }
}

function isUsual({ fallback, retryLater, mirror, fault, hedge }: MethodValues, { isOneWay }: PolicySources): boolean {
  if (isOneWay && retryLater.max > 0) return false;
  const hasFaults = fault.delayMs > 0 || fault.errorPercent > 0 || fault.dropPercent > 0;
  return !fallback.enabled && mirror.percent === 0 && !hasFaults && hedge.max === 0;
}
