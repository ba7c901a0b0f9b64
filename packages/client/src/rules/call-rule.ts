import { type Call, type Gate, isRpcError, type MethodSwitch, type Outcome, type RpcError } from '@org/rpc-core';
import { fuseGates, rpcError } from '@org/rpc-core/internal';
import { Node } from '../nodes/node.js';
import { type ActiveRules, wantedRetries, wantedSwitch, wantedTimeouts, wantedWeight } from './active-rules.js';
import type { DarkCounts } from './dark-counts.js';

/** A method as rules see it. */
export interface RuledMethod {
  readonly service: string;
  readonly method: string;
  readonly isStream: boolean;
  /** What holds without the dark rules. */
  readonly timeoutMs: number;
  readonly retryMax: number;
}

/**
 * What rules do with the calls of a method beyond its timeouts and retries: refuse them, and see what dark rules would have
 * changed. There is none for a method that the rules do not concern, so that its calls pay nothing.
 */
export class CallRule {
  readonly #rules: ActiveRules;
  readonly #method: RuledMethod;
  readonly #counts: DarkCounts;
  readonly #off: MethodSwitch | undefined;
  /** Calls with a timeout of their own, which goes before all rules. */
  readonly #ownTimeouts = new WeakSet<Call>();
  #gate: Required<Gate> | undefined;

  constructor(rules: ActiveRules, method: RuledMethod, counts: DarkCounts) {
    this.#rules = rules;
    this.#method = method;
    this.#counts = counts;
    this.#off = wantedSwitch(rules.document, method.method);
  }

  /** Whether there is anything to do for the calls of a method. */
  static concerns({ document, modes }: ActiveRules, { method, isStream }: RuledMethod): boolean {
    if (modes.switch !== 'off' && wantedSwitch(document, method) !== undefined) return true;
    if (modes.weight === 'dark') return true;
    const { timeoutMs, attemptTimeoutMs } = wantedTimeouts(document, method, isStream);
    if (modes.timeout === 'dark' && (timeoutMs ?? attemptTimeoutMs) !== undefined) return true;
    return modes.retry === 'dark' && !isStream && wantedRetries(document, method).max !== undefined;
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
    const { service, method } = this.#method;
    if (mode === 'dark') {
      this.#counts.add('switch', method, 'it would have been refused');
      return undefined;
    }
    const { version } = this.#rules.document;
    const told = off.message === undefined ? '' : `: ${off.message}`;
    const reason = `${service}.${method} is switched off by the rule "switch" of version ${version} of the rules of "${service}"${told}`;
    return rpcError('UNAVAILABLE', reason, { service, method, progress: 'unsent', retryAfterMs: off.retryAfterMs });
  }

  /** The gate of the call with what looks at its outcome around it. */
  around(gate: Required<Gate>): Required<Gate> {
    this.#gate ??= fuseGates([{ settle: (call, outcome) => this.#settled(call, outcome) }, gate]);
    return this.#gate;
  }

  #settled(call: Call, outcome: Outcome): void {
    const { modes } = this.#rules;
    if (modes.timeout === 'dark') this.#judgeTimeouts(call);
    if (modes.retry === 'dark' && !this.#method.isStream) this.#judgeRetries(call, outcome);
    if (modes.weight === 'dark') this.#judgeWeight(call);
  }

  #judgeTimeouts(call: Call): void {
    const { method, isStream, timeoutMs: allowedMs } = this.#method;
    const wanted = wantedTimeouts(this.#rules.document, method, isStream);
    const { timeoutMs, attemptTimeoutMs } = wanted;
    if (timeoutMs !== undefined && timeoutMs < allowedMs && !this.#ownTimeouts.has(call)) {
      if (call.endedAt - call.createdAt > timeoutMs)
        return this.#counts.add('timeout', method, `it would have ended after ${timeoutMs} ms`);
    }
    if (attemptTimeoutMs === undefined || call.attemptTimeoutMs !== undefined) return;
    const last = call.startedAt > 0 && call.attempts === undefined ? call.endedAt - call.startedAt : 0;
    if (last > attemptTimeoutMs || call.attempts?.some(({ durationMs }) => durationMs > attemptTimeoutMs))
      this.#counts.add('timeout', method, `an attempt would have ended after ${attemptTimeoutMs} ms`);
  }

  #judgeRetries(call: Call, outcome: Outcome): void {
    const { method, retryMax } = this.#method;
    const { max } = wantedRetries(this.#rules.document, method);
    const failed = call.attempts ?? [];
    if (max === undefined || max === retryMax || failed.length === 0) return;
    // What was never started is repeated once for nothing, whatever the rules say.
    const free = failed.some(({ progress }) => progress === 'unsent' || progress === 'refused') ? 1 : 0;
    const used = (outcome === undefined ? failed.length : failed.length - 1) - free;
    if (used > max) this.#counts.add('retry', method, `it would have been repeated ${max} times at most`);
    else if (isRpcError(outcome) && call.idempotent && used === retryMax && max > retryMax)
      this.#counts.add('retry', method, `it would have been repeated up to ${max} times`);
  }

  #judgeWeight(call: Call): void {
    const { destination } = call;
    if (!(destination instanceof Node)) return;
    const { endpoint, address } = destination;
    const weight = wantedWeight(this.#rules.document, endpoint);
    if (weight !== undefined && weight !== endpoint.weight)
      this.#counts.add('weight', this.#method.method, `${address} would have had the weight ${weight}`);
  }
}
