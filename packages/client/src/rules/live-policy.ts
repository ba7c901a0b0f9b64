import { type ActiveRules, wantedRetries, wantedTimeouts } from './active-rules.js';
import { CallRule } from './call-rule.js';
import type { DarkCounts } from './dark-counts.js';

/** How the calls of a method are made now. Immutable: other rules make another one. */
export interface MethodPolicy {
  /** The rules that are in it; `undefined` for none. */
  readonly rules: ActiveRules | undefined;
  /** Of a call, in milliseconds; `Infinity` for none. */
  readonly timeoutMs: number;
  /** Of an attempt, in milliseconds; `undefined` leaves it to the retries. */
  readonly attemptTimeoutMs: number | undefined;
  readonly retryMax: number;
  /** What rules do besides; `undefined` for nothing. */
  readonly rule: CallRule | undefined;
}

/** Where the rules of a service come from. */
export interface RulesPointer {
  /** The rules that hold now; swapped as a whole. */
  readonly current: ActiveRules | undefined;
  readonly counts: DarkCounts;
}

/** What a method is without rules. */
export interface BasePolicy {
  readonly service: string;
  readonly method: string;
  readonly isStream: boolean;
  readonly timeoutMs: number;
  readonly attemptTimeoutMs: number | undefined;
  readonly retryMax: number;
}

/**
 * The policy of one method, made anew with the first call after the rules were swapped. Asked on each call, so it is one
 * comparison of pointers while nothing changes.
 */
export class LivePolicy {
  readonly #base: BasePolicy;
  readonly #rules: RulesPointer;
  #policy: MethodPolicy;

  constructor(base: BasePolicy, rules: RulesPointer) {
    this.#base = base;
    this.#rules = rules;
    this.#policy = resolve(base, undefined, rules.counts);
  }

  /** The policy of calls that are made now. */
  get now(): MethodPolicy {
    const { current } = this.#rules;
    if (current !== this.#policy.rules) this.#policy = resolve(this.#base, current, this.#rules.counts);
    return this.#policy;
  }
}

/** Rules go before all that the client was given; what they do not say stays. */
function resolve(base: BasePolicy, rules: ActiveRules | undefined, counts: DarkCounts): MethodPolicy {
  const { timeoutMs, attemptTimeoutMs, retryMax, method, isStream } = base;
  if (rules === undefined) return Object.freeze({ rules, timeoutMs, attemptTimeoutMs, retryMax, rule: undefined });
  const { document, modes } = rules;
  const timeouts = modes.timeout === 'on' ? wantedTimeouts(document, method, isStream) : {};
  const retries = modes.retry === 'on' ? wantedRetries(document, method) : {};
  const applied = {
    rules,
    timeoutMs: timeouts.timeoutMs ?? timeoutMs,
    attemptTimeoutMs: timeouts.attemptTimeoutMs ?? attemptTimeoutMs,
    retryMax: retries.max ?? retryMax,
  };
  const ruled = { ...base, timeoutMs: applied.timeoutMs, retryMax: applied.retryMax };
  const rule = CallRule.concerns(rules, ruled) ? new CallRule(rules, ruled, counts) : undefined;
  return Object.freeze({ ...applied, rule });
}
