import type { Call, LimitedBy, RulePolicy } from '@org/rpc-core';
import type { ActiveRules } from './active-rules.js';
import type { CallLimit, Limits } from './admission.js';
import type { Limiters } from './limiters.js';
import type { RetryBudget } from './retry-budget.js';

/** Whose limits the calls of a method pass. */
export interface LimitLevels {
  readonly method: Limiters;
  readonly service: Limiters;
  readonly client: Limiters;
  /** What all repeats of the service share. */
  readonly budget: RetryBudget;
}

/** The rules that a service follows, and where dark ones tell what they would have changed. */
export interface FollowedRules {
  readonly current: ActiveRules | undefined;
  readonly counts: { add(policy: 'retryBudget', method: string, effect: string): void };
}

/** Who counts what limits do. */
export interface HeldCalls {
  held(what: 'waited' | 'limited', call: Call, rule: RulePolicy | undefined): void;
}

/** The limits that the calls of one method pass, with the rules that hold: found anew when these were swapped. */
export class MethodLimits implements Limits {
  readonly #method: string;
  readonly #levels: LimitLevels;
  readonly #rules: FollowedRules;
  #applied: ActiveRules | undefined;
  readonly #counts: HeldCalls | undefined;
  #all: readonly CallLimit[];

  constructor(method: string, levels: LimitLevels, rules: FollowedRules, counts?: HeldCalls) {
    this.#method = method;
    this.#levels = levels;
    this.#rules = rules;
    this.#counts = counts;
    this.#all = this.#find();
  }

  /**
   * The innermost first: what a method refuses, or lets wait, takes nothing of what all methods share. Each call asks, which costs one
   * comparison while nothing changes.
   */
  get now(): readonly CallLimit[] {
    this.refresh();
    return this.#all;
  }

  /** Applies the rules that hold now, if they are others. */
  refresh(): void {
    const { current } = this.#rules;
    if (current !== this.#applied) this.#apply(current);
  }

  /** A limit lets a call wait, or refuses it. */
  held(what: 'waited' | 'limited', call: Call, limit: CallLimit): void {
    const { method, service } = this.#levels;
    this.#counts?.held(what, call, method.ruleOf(limit) ?? service.ruleOf(limit));
  }

  /** Which limit it is, and who has set it. */
  describe(limit: CallLimit): LimitedBy | undefined {
    const { method, service, client } = this.#levels;
    const policy = method.policyOf(limit) ?? service.policyOf(limit) ?? client.policyOf(limit);
    if (policy === undefined) return undefined;
    const isRule = (method.ruleOf(limit) ?? service.ruleOf(limit)) !== undefined;
    return {
      policy,
      setBy: isRule ? 'rule' : 'options',
      rulesVersion: isRule ? this.#applied?.document.version : undefined,
    };
  }

  /** What dark rules would do with a call that begins, if they set limits. */
  judge(call: Call, tell: Parameters<Limiters['judge']>[1]): void {
    const { method, service } = this.#levels;
    this.refresh();
    method.judge(call, tell);
    service.judge(call, tell);
  }

  /** A call has ended that began while rules set limits. */
  settle(call: Call): void {
    const { method, service } = this.#levels;
    method.settle(call);
    service.settle(call);
  }

  #apply(rules: ActiveRules | undefined): void {
    const { method, service, budget } = this.#levels;
    this.#applied = rules;
    method.apply(rules, this.#method);
    service.apply(rules, undefined);
    budget.apply(rules, (method, effect) => this.#rules.counts.add('retryBudget', method, effect));
    this.#all = this.#find();
  }

  #find(): readonly CallLimit[] {
    const { method, service, client } = this.#levels;
    return [...method.all, ...service.all, ...client.all];
  }
}
