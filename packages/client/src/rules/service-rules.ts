import type { Clock, RuleMode, RulePolicy } from '@org/rpc-core';
import type { Endpoint, RulesSource } from '@org/rpc-registry';
import { RulesFollower } from '@org/rpc-registry/internal';
import type { ClientEvents } from '../events.js';
import type { ActiveRules } from '../policy/active-rules.js';
import { wantedWeight } from '../policy/weight.js';

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
  /** Whether the client has called the service. */
  readonly hasCalled?: (() => boolean) | undefined;
  readonly emit: <E extends keyof ClientEvents>(event: E, ...args: ClientEvents[E]) => void;
  /** Other rules are in force. */
  readonly onSwap: () => void;
}

/** The rules of one service as its client has them: which are in force, what the client's observers hear of them, what dark ones would do. */
export class ServiceRules {
  readonly #service: string;
  readonly #environment: ServiceRulesEnvironment;
  readonly #follower: RulesFollower;
  #current: ActiveRules | undefined;

  constructor(service: string, environment: ServiceRulesEnvironment) {
    this.#service = service;
    this.#environment = environment;
    const { source, instance, clock, emit, hasCalled } = environment;
    this.#follower = new RulesFollower({
      ...{ service, side: 'client', source, instance, clock, ...(hasCalled !== undefined && { hasCalled }) },
      onSwap: (rules) => this.#swap(rules),
      onRejected: ({ version, reason }) =>
        emit('rulesRejected', { service, instance, version, reason, inForce: this.#current?.document.version }),
      onWouldApply: (event) => emit('ruleWouldApply', event),
    });
  }

  /** The rules in force. */
  get current(): ActiveRules | undefined {
    return this.#current;
  }

  /** What dark rules would have changed. */
  get counts(): RulesFollower['counts'] {
    return this.#follower.counts;
  }

  /** Begins to follow the registry. To be ended with {@link close}. */
  open(): void {
    this.#follower.open();
  }

  /** The weight that rules give to an endpoint; `undefined` when that of the registry holds. */
  weightOf(endpoint: Endpoint): number | undefined {
    const rules = this.#current;
    return rules?.modes.weight === 'on' ? wantedWeight(rules.document, endpoint) : undefined;
  }

  /** `undefined` when there are none and never was anything wrong with any. */
  state(): RulesState | undefined {
    const { current, rejected, modes } = this.#follower;
    if (current === undefined && rejected === undefined) return undefined;
    const policies = Object.fromEntries(
      Object.entries(modes).map(([policy, mode]) => [
        policy,
        { mode, wouldApply: this.counts.total(policy as RulePolicy) },
      ]),
    );
    return { version: current?.document.version, rejected, policies: policies as RulesState['policies'] };
  }

  /** Tells what dark rules would have changed; called about once a second. */
  tick(): void {
    this.#follower.tick();
  }

  /** Ends the watch. Idempotent. */
  close(): void {
    this.#follower.close();
  }

  #swap(rules: Omit<ActiveRules, 'service'> | undefined): void {
    const { instance, emit, onSwap } = this.#environment;
    this.#current = rules && { ...rules, service: this.#service };
    onSwap();
    const version = rules?.document.version;
    emit('rulesApplied', { service: this.#service, instance, version, policies: this.#follower.modes });
  }
}
