import type { Call, Gate, MethodSwitch, Outcome, Random, RpcError, RulePolicy } from '@org/rpc-core';
import { fuseGates } from '@org/rpc-core/internal';
import type { RulesFollower } from '@org/rpc-registry/internal';
import type { ActiveRules } from '../policy/active-rules.js';
import { judgeMirror, judgeThrottle } from '../policy/dark-rules.js';
import { judgeFallback } from '../policy/fallback.js';
import { judgeFault } from '../policy/fault.js';
import { type DarkView, type MethodValues, ownOf, type PolicySources, wantedValues } from '../policy/fold.js';
import { judgeHedge } from '../policy/hedge-budget.js';
import { judgeRetries } from '../policy/judge-retries.js';
import type { KeptCalls } from '../policy/kept-calls.js';
import { judgeLater } from '../policy/retry-later.js';
import { judgeRoute, type Router } from '../policy/route.js';
import { switchedOff, wantedSwitch } from '../policy/switch.js';
import type { Throttle } from '../policy/throttle.js';
import { judgeTimeouts } from '../policy/timeout.js';
import { judgeWeight } from '../policy/weight.js';

/** What dark rules are judged by. */
export interface JudgedParts {
  readonly throttle: Pick<Throttle, 'share' | 'shareBy'> | undefined;
  readonly random: Random;
  readonly kept: Pick<KeptCalls, 'size' | 'isRevival'> | undefined;
  /** Counts the calls that a rule refuses. */
  readonly troubles?: { switchedOff(of: { service: string; method: string }, error: RpcError): void } | undefined;
}

/** Dark rules of these say what they would have done with a call. */
const ASKED = ['fallback', 'retryLater', 'mirror', 'fault', 'throttle'] as const;

function isAsked(policy: (typeof ASKED)[number], rules: ActiveRules, of: PolicySources): boolean {
  if (rules.modes[policy] !== 'dark') return false;
  return Object.keys(wantedValues(policy, of, rules)).length > 0;
}

/** Limits that rules set, or would set. */
export interface RuledLimits {
  judge(call: Call, tell: (policy: 'rateLimit' | 'concurrency', effect: string) => void): void;
  settle(call: Call): void;
}

/**
 * What rules do with the calls of a method beyond the values that they set: refuse them, and see what dark rules would have
 * changed. There is none for a method that the rules do not concern, so that its calls pay nothing.
 */
export class CallRule {
  readonly #rules: ActiveRules;
  readonly #of: PolicySources;
  readonly #inForce: MethodValues;
  readonly #counts: RulesFollower['counts'];
  readonly #off: MethodSwitch | undefined;
  /** Calls with a timeout of their own. */
  readonly #ownTimeouts = new WeakSet<Call>();
  #gate: Required<Gate> | undefined;

  readonly #router: Router | undefined;
  readonly #limits: RuledLimits | undefined;
  readonly #parts: JudgedParts;

  /**
   * @param router - that of a dark rule
   * @param limits - those that rules set, or would set, for the method and its service; `undefined` where they set none
   * @param parts - what dark rules are judged by
   */
  constructor(
    rules: ActiveRules,
    of: PolicySources,
    inForce: MethodValues,
    counts: RulesFollower['counts'],
    router: Router | undefined,
    limits: RuledLimits | undefined,
    parts: JudgedParts,
  ) {
    this.#parts = parts;
    this.#limits = limits;
    this.#router = router;
    this.#rules = rules;
    this.#of = of;
    this.#inForce = inForce;
    this.#counts = counts;
    this.#off = wantedSwitch(rules.document, of.method);
  }

  /** Whether there is anything to do for the calls of a method. */
  static concerns(rules: ActiveRules, of: PolicySources): boolean {
    const { document, modes } = rules;
    if (modes.switch !== 'off' && wantedSwitch(document, of.method) !== undefined) return true;
    if (modes.weight === 'dark' || CallRule.limits(rules, of)) return true;
    if (!of.isStream && ASKED.some((policy) => isAsked(policy, rules, of))) return true;
    if (modes.timeout === 'dark' && Object.keys(wantedValues('timeout', of, rules)).length > 0) return true;
    if (modes.hedge === 'dark' && !of.isStream && Object.keys(wantedValues('hedge', of, rules)).length > 0) return true;
    return modes.retry === 'dark' && !of.isStream && wantedValues('retry', of, rules).max !== undefined;
  }

  /** Whether rules set a limit for the method or its service, or would. */
  static limits({ document, modes }: ActiveRules, { method }: PolicySources): boolean {
    return (['rateLimit', 'concurrency'] as const).some((policy) => {
      const rule = document[policy];
      if (rule === undefined || modes[policy] === 'off') return false;
      const { mode: _mode, percent: _percent, methods, ...values } = rule;
      return methods[method] !== undefined || Object.keys(values).length > 0;
    });
  }

  /** The call has a timeout that its maker gave it. */
  hasOwnTimeout(call: Call): void {
    this.#ownTimeouts.add(call);
  }

  /** Refuses a call, before anything of it was done. */
  refusal(): RpcError | undefined {
    const off = this.#off;
    const mode = this.#rules.modes.switch;
    if (off === undefined || mode === 'off') return undefined;
    if (mode === 'dark') {
      this.#counts.add('switch', this.#of.method, 'it would have been refused');
      return undefined;
    }
    const error = switchedOff(this.#of, off, this.#rules.document.version);
    this.#parts.troubles?.switchedOff(this.#of, error);
    return error;
  }

  /** The gate of a call that begins, with what looks at its outcome around it. */
  around(gate: Required<Gate>, call: Call): Required<Gate> {
    this.#limits?.judge(call, (policy, effect) => this.#counts.add(policy, this.#of.method, effect));
    this.#gate ??= fuseGates([{ settle: (call, outcome) => this.#settled(call, outcome) }, gate]);
    return this.#gate;
  }

  #settled(call: Call, outcome: Outcome): void {
    this.#limits?.settle(call);
    const { modes, document } = this.#rules;
    const of = this.#of;
    const hasOwnTimeout = this.#ownTimeouts.has(call);
    const view: DarkView = { isStream: of.isStream, hasOwnTimeout, inForce: this.#inForce };
    if (modes.timeout === 'dark')
      this.#note('timeout', judgeTimeouts(call, view, wantedValues('timeout', of, this.#rules)));
    // What a call was given for itself goes before rules.
    const own = ownOf(call);
    if (modes.retry === 'dark' && own?.retry === undefined)
      this.#note('retry', judgeRetries(call, outcome, view, wantedValues('retry', of, this.#rules)));
    this.#judgeAsked(call, outcome, view);
    if (modes.hedge === 'dark' && own?.hedge === undefined)
      this.#note('hedge', judgeHedge(call, view, wantedValues('hedge', of, this.#rules)));
    if (this.#router !== undefined) this.#note('route', judgeRoute(call, this.#router.choose(call)));
    if (modes.weight === 'dark') this.#note('weight', judgeWeight(call, document));
  }

  #judgeAsked(call: Call, outcome: Outcome, view: DarkView): void {
    const of = this.#of;
    const rules = this.#rules;
    const { throttle, kept, random } = this.#parts;
    const isSaid = (policy: (typeof ASKED)[number]): boolean =>
      ownOf(call)?.[policy] === undefined && isAsked(policy, rules, of);
    if (of.isStream) return;
    if (isSaid('fallback')) this.#note('fallback', judgeFallback(outcome, view, wantedValues('fallback', of, rules)));
    if (kept !== undefined && isSaid('retryLater'))
      this.#note('retryLater', judgeLater(call, outcome, view, wantedValues('retryLater', of, rules), kept));
    if (isSaid('mirror')) this.#note('mirror', judgeMirror(call, view, wantedValues('mirror', of, rules), random));
    if (isSaid('fault')) this.#note('fault', judgeFault(wantedValues('fault', of, rules), random));
    if (throttle !== undefined && isSaid('throttle'))
      this.#note('throttle', judgeThrottle(outcome, view, wantedValues('throttle', of, rules), throttle, random));
  }

  #note(policy: RulePolicy, effect: string | undefined): void {
    if (effect !== undefined) this.#counts.add(policy, this.#of.method, effect);
  }
}
