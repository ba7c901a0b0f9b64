import type { Cancel, Clock, RuleMode, RulePolicy } from '@org/rpc-core';
import { modesOf, parseRules } from '@org/rpc-core/internal';
import type { Endpoint, RulesReport, RulesSource } from '@org/rpc-registry';
import type { ClientEvents } from '../events.js';
import { type ActiveRules, activeRules } from '../policy/active-rules.js';
import { wantedWeight } from '../policy/weight.js';
import { DarkCounts } from './dark-counts.js';

/** What one policy of the rules is for a client. */
export interface RuleState {
  /** `off` also when the rule is for other instances. */
  readonly mode: RuleMode;
  /** Calls that a dark rule would have changed, since it was set. */
  readonly wouldApply: number;
}

/** The rules of a service as a client sees them. */
export interface RulesState {
  /** The version by which calls are made; `undefined` when none is in force. */
  readonly version: number | undefined;
  /** The last document, if it could not be used; what was in force before stays. */
  readonly rejected: { readonly version: number | undefined; readonly reason: string } | undefined;
  readonly policies: Readonly<Record<RulePolicy, RuleState>>;
}

/** What the rules of a service need of their client. */
export interface ServiceRulesEnvironment {
  /** Left out by registries without rules. */
  readonly source: RulesSource | undefined;
  /** The client's name. */
  readonly instance: string;
  readonly clock: Clock;
  readonly emit: <E extends keyof ClientEvents>(event: E, ...args: ClientEvents[E]) => void;
  /** Other rules are in force. */
  readonly onSwap: () => void;
}

/** The shortest time between two swaps of rules, in milliseconds, however often somebody writes. */
const SWAP_MIN_MS = 200;

/**
 * Follows the rules of one service. Each document is checked as a whole and becomes one immutable value, which replaces the one
 * before at once for all methods. A wrong document changes nothing and is reported, here and in the registry. While the registry
 * cannot be reached, the last document holds.
 */
export class ServiceRules {
  /** The rules in force. */
  current: ActiveRules | undefined = undefined;
  /** What dark rules would have changed. */
  readonly counts = new DarkCounts();
  readonly #service: string;
  readonly #environment: ServiceRulesEnvironment;
  #watch: { close(): void } | undefined;
  /** What was looked at last; `undefined` before the first document. */
  #text: string | undefined;
  #waiting: { readonly text: string | undefined } | undefined;
  #cancelSwap: Cancel | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #rejected: RulesState['rejected'];

  constructor(service: string, environment: ServiceRulesEnvironment) {
    this.#service = service;
    this.#environment = environment;
  }

  /** Begins to follow the registry. To be ended with {@link close}. */
  open(): void {
    this.#watch ??= this.#environment.source?.watch(this.#service, (text) => this.#offer(text));
  }

  /** The weight that rules give to an endpoint; `undefined` when that of the registry holds. */
  weightOf(endpoint: Endpoint): number | undefined {
    const rules = this.current;
    return rules?.modes.weight === 'on' ? wantedWeight(rules.document, endpoint) : undefined;
  }

  /** `undefined` when there are none and never was anything wrong with any. */
  state(): RulesState | undefined {
    const { current } = this;
    if (current === undefined && this.#rejected === undefined) return undefined;
    const policies = Object.fromEntries(
      Object.entries(this.#modes()).map(([policy, mode]) => [
        policy,
        { mode, wouldApply: this.counts.total(policy as RulePolicy) },
      ]),
    );
    const version = current?.document.version;
    return { version, rejected: this.#rejected, policies: policies as RulesState['policies'] };
  }

  /** Tells what dark rules would have changed; called about once a second. */
  tick(): void {
    const { emit } = this.#environment;
    const { current } = this;
    if (current === undefined) return;
    this.counts.flush(this.#service, current.document.version, (event) => emit('ruleWouldApply', event));
  }

  /** Ends the watch. Idempotent. */
  close(): void {
    this.#cancelSwap?.();
    this.#watch?.close();
  }

  #offer(text: string | undefined): void {
    const { clock } = this.#environment;
    const waitMs = this.#lookedAt + SWAP_MIN_MS - clock.now();
    const isScheduled = this.#waiting !== undefined;
    if (!isScheduled && waitMs <= 0) return this.#look(text);
    // Of documents that come meanwhile the last one counts.
    this.#waiting = { text };
    if (isScheduled) return;
    this.#cancelSwap = clock.schedule(
      waitMs,
      () => {
        const waiting = this.#waiting!;
        this.#waiting = undefined;
        this.#look(waiting.text);
      },
      true,
    );
  }

  #look(text: string | undefined): void {
    if (text === this.#text) return;
    this.#text = text;
    this.#lookedAt = this.#environment.clock.now();
    if (text === undefined) {
      this.#rejected = undefined;
      if (this.current !== undefined) this.#swap(undefined);
      this.#environment.source?.report(this.#service, this.#environment.instance, undefined);
      return;
    }
    try {
      const document = parseRules(text);
      this.#rejected = undefined;
      this.#swap(activeRules(document, this.#environment.instance, this.#service));
      this.#report('applied', document.version, undefined);
    } catch (error) {
      this.#reject(versionOf(text), (error as Error).message);
    }
  }

  #swap(rules: ActiveRules | undefined): void {
    const { instance, emit, onSwap } = this.#environment;
    this.tick();
    this.current = rules;
    this.counts.clear();
    onSwap();
    const version = rules?.document.version;
    emit('rulesApplied', { service: this.#service, instance, version, policies: this.#modes() });
  }

  #reject(version: number | undefined, reason: string): void {
    const { instance, emit } = this.#environment;
    this.#rejected = Object.freeze({ version, reason });
    const inForce = this.current?.document.version;
    emit('rulesRejected', { service: this.#service, instance, version, reason, inForce });
    this.#report('rejected', version, reason);
  }

  #report(status: RulesReport['status'], version: number | undefined, reason: string | undefined): void {
    const { source, instance, clock } = this.#environment;
    const inForce = this.current?.document.version;
    const at = clock.wallNow();
    const report = { instance, status, version, reason, inForce, policies: this.#modes(), at };
    source?.report(this.#service, instance, report);
  }

  #modes(): Readonly<Record<RulePolicy, RuleMode>> {
    return this.current?.modes ?? ALL_OFF;
  }
}

const ALL_OFF = modesOf(() => 'off');

/** The version in a document that can't be used, as far as it can be made out. */
function versionOf(text: string): number | undefined {
  if (text.length > VERSION_SOUGHT_LENGTH) return undefined;
  try {
    const { version } = JSON.parse(text) as { version?: unknown };
    return Number.isSafeInteger(version) ? (version as number) : undefined;
  } catch {
    return undefined;
  }
}

/** What is longer is not parsed again: it is no document of rules. */
const VERSION_SOUGHT_LENGTH = 64 * 1024;
