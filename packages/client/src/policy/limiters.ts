import type { Call, Clock, ConcurrencyLimitOptions, PolicyOptions, RateLimitOptions } from '@org/rpc-core';
import { type Complete, completeValues, POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import type { ActiveRules } from './active-rules.js';
import type { CallLimit } from './admission.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import type { LimitState } from './policy-state.js';
import { RateLimit } from './rate-limit.js';

/** In place of a limit that rules have taken back: nobody waits for it any more. */
const NO_RATE: Complete<RateLimitOptions> = { perSecond: 10_000_000, burst: 10_000_000, wait: true };
const NO_CONCURRENCY: Complete<ConcurrencyLimitOptions> = { max: 1_000_000, queue: 0 };

/** What options or rules say of the limits of a level. */
type Said = Pick<PolicyOptions, 'rateLimit' | 'concurrency'>;

/** What dark rules would have done with a call. */
type Tell = (policy: 'rateLimit' | 'concurrency', effect: string) => void;

/**
 * The limits of one level: a client, a service or a method. What nobody has given is not there. Rules may change them: what has been used of
 * a limit stays used, and who waits goes on waiting.
 */
export class Limiters {
  rate: RateLimit | undefined;
  concurrency: ConcurrencyLimit | undefined;
  readonly #what: string;
  readonly #clock: Clock;
  readonly #given: Said;
  #rules: ActiveRules | undefined;
  #method: string | undefined;
  /** Those that dark rules want. They let nobody wait. */
  #darkRate: RateLimit | undefined;
  #darkConcurrency: ConcurrencyLimit | undefined;

  /**
   * @param what - what is limited, for errors: `calculator.sum`
   * @throws TypeError naming a wrong option
   */
  constructor(where: string, what: string, given: Said, clock: Clock) {
    this.#what = what;
    this.#clock = clock;
    this.#given = given;
    const { rateLimit, concurrency } = given;
    if (rateLimit !== undefined)
      this.rate = new RateLimit(what, resolvePolicy(where, POLICIES.rateLimit, rateLimit), clock);
    if (concurrency !== undefined)
      this.concurrency = new ConcurrencyLimit(what, resolvePolicy(where, POLICIES.concurrency, concurrency), clock);
  }

  /** Those that calls must pass. */
  get all(): readonly CallLimit[] {
    return [
      ...(this.rate === undefined ? [] : [this.rate]),
      ...(this.concurrency === undefined ? [] : [this.concurrency]),
    ];
  }

  /**
   * From now on rules hold. The same ones again change nothing.
   * @param method - the one whose limits these are; `undefined` when they are those of the service
   */
  apply(rules: ActiveRules | undefined, method: string | undefined): void {
    if (rules === this.#rules) return;
    this.#rules = rules;
    this.#method = method;
    const { rateLimit, concurrency } = this.#given;
    const rate = { ...rateLimit, ...said(rules, 'rateLimit', method, 'on') };
    if (isRate(rate)) {
      const values = completeValues(POLICIES.rateLimit, rate);
      this.rate ??= new RateLimit(this.#what, values, this.#clock);
      this.rate.configure(values, setBy(rules, 'rateLimit', method));
    } else {
      this.rate?.configure(NO_RATE);
      this.rate = undefined;
    }
    const places = { ...concurrency, ...said(rules, 'concurrency', method, 'on') };
    if (isConcurrency(places)) {
      const values = completeValues(POLICIES.concurrency, places);
      this.concurrency ??= new ConcurrencyLimit(this.#what, values, this.#clock);
      this.concurrency.configure(values, setBy(rules, 'concurrency', method));
    } else {
      this.concurrency?.configure(NO_CONCURRENCY);
      this.concurrency = undefined;
    }
    this.#applyDark(rules, method);
  }

  /** Which of these limits it is; `undefined` for none. */
  policyOf(limit: CallLimit): 'rateLimit' | 'concurrency' | undefined {
    return limit === this.rate ? 'rateLimit' : limit === this.concurrency ? 'concurrency' : undefined;
  }

  /** Which rule has set one of these limits; `undefined` where options alone did, or where it is none of these. */
  ruleOf(limit: CallLimit): 'rateLimit' | 'concurrency' | undefined {
    const policy = this.policyOf(limit);
    return policy !== undefined && said(this.#rules, policy, this.#method, 'on') !== undefined ? policy : undefined;
  }

  /** What dark rules would do with a call that begins. Such a call must be told to {@link settle}. */
  judge(call: Call, tell: Tell): void {
    if (this.#darkRate?.admit(call) !== undefined) tell('rateLimit', 'it would have waited, or been refused');
    if (this.#darkConcurrency?.admit(call) !== undefined) tell('concurrency', 'it would have waited, or been refused');
  }

  /** A call has ended: its permits are free. */
  settle(call: Call): void {
    this.concurrency?.settle(call);
    this.#darkConcurrency?.settle(call);
  }

  #applyDark(rules: ActiveRules | undefined, method: string | undefined): void {
    const rate = { ...this.#given.rateLimit, ...said(rules, 'rateLimit', method, 'dark'), wait: false };
    const isRateSaid = said(rules, 'rateLimit', method, 'dark') !== undefined && isRate(rate);
    this.#darkRate = isRateSaid
      ? new RateLimit(this.#what, completeValues(POLICIES.rateLimit, rate), this.#clock)
      : undefined;
    const places = { ...this.#given.concurrency, ...said(rules, 'concurrency', method, 'dark'), queue: 0 };
    const isSaid = said(rules, 'concurrency', method, 'dark') !== undefined && isConcurrency(places);
    this.#darkConcurrency = isSaid
      ? new ConcurrencyLimit(this.#what, completeValues(POLICIES.concurrency, places), this.#clock)
      : undefined;
  }
}

/** What the rule of a policy says for a level in a mode; `undefined` for nothing. */
function said(
  rules: ActiveRules | undefined,
  policy: 'rateLimit' | 'concurrency',
  method: string | undefined,
  mode: 'on' | 'dark',
): object | undefined {
  const rule = rules?.document[policy];
  if (rule === undefined || rules?.modes[policy] !== mode) return undefined;
  if (method !== undefined) return rule.methods[method];
  const { mode: _mode, percent: _percent, methods: _methods, ...values } = rule;
  return Object.keys(values).length === 0 ? undefined : values;
}

/** Which rules have set a limit, for its errors; `''` where options did. */
function setBy(
  rules: ActiveRules | undefined,
  policy: 'rateLimit' | 'concurrency',
  method: string | undefined,
): string {
  if (rules === undefined || said(rules, policy, method, 'on') === undefined) return '';
  return `, by version ${rules.document.version} of the rules of ${rules.service}`;
}

function isRate(values: Partial<RateLimitOptions>): values is RateLimitOptions {
  return values.perSecond !== undefined;
}

function isConcurrency(values: Partial<ConcurrencyLimitOptions>): values is ConcurrencyLimitOptions {
  return values.max !== undefined;
}

/** What limits are now, for people and tools. */
export function limitState(limiters: Limiters | undefined): LimitState {
  return { rate: limiters?.rate?.state(), concurrency: limiters?.concurrency?.state() };
}
