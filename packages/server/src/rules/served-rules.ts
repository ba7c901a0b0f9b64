import type { Clock, RuleMode, RulePolicy } from '@org/rpc-core';
import type { RulesSource, WouldApplyEvent } from '@org/rpc-registry';
import { RulesFollower } from '@org/rpc-registry/internal';

/** What happens with the rules of a server's services, for observers. */
export type ServerRulesEvent =
  /** These are in force from now on; `version` is `undefined` when they were deleted. */
  | {
      readonly type: 'applied';
      readonly service: string;
      readonly version: number | undefined;
      /** What each policy is for this server; those of clients are `off`. */
      readonly policies: Readonly<Record<RulePolicy, RuleMode>>;
    }
  /** A document was refused as a whole: what was `inForce` stays, a version or nothing. */
  | {
      readonly type: 'rejected';
      readonly service: string;
      readonly version: number | undefined;
      readonly reason: string;
      readonly inForce: number | undefined;
    }
  /** What a dark rule would have changed, at most once a second for each policy. */
  | ({ readonly type: 'wouldApply' } & WouldApplyEvent);

/** The rules of a service as a server has them. */
export interface ServerRulesState {
  /** Which are in force; `undefined` for none. */
  readonly version: number | undefined;
  /** The last document, if it could not be used. */
  readonly rejected: { readonly version: number | undefined; readonly reason: string } | undefined;
  /** The policies of servers that are not off, and how many calls a dark one would have refused since it was set. */
  readonly policies: Readonly<Partial<Record<RulePolicy, { readonly mode: RuleMode; readonly wouldApply: number }>>>;
}

/** What the rules of a server need of it. */
export interface ServedRulesParts {
  readonly instance: string;
  readonly clock: Clock;
  /** Other rules hold for a service; `undefined` for none. */
  readonly apply: (service: string, rules: RulesFollower['current']) => void;
  readonly emit: (event: ServerRulesEvent) => void;
}

/** Follows the rules of the services of a server, from its registration to its end. */
export class ServedRules {
  readonly #parts: ServedRulesParts;
  readonly #services = new Map<string, RulesFollower>();

  constructor(parts: ServedRulesParts) {
    this.#parts = parts;
  }

  /** Begins to follow. @param source - `undefined` where the registry has no rules */
  open(source: RulesSource | undefined, services: readonly string[]): void {
    if (source === undefined) return;
    const { instance, clock, apply, emit } = this.#parts;
    for (const service of services) {
      const follower: RulesFollower = new RulesFollower({
        ...{ service, side: 'server', source, instance, clock },
        onSwap: (rules) => {
          apply(service, rules);
          emit({ type: 'applied', service, version: rules?.document.version, policies: follower.modes });
        },
        onRejected: ({ version, reason }) =>
          emit({ type: 'rejected', service, version, reason, inForce: follower.current?.document.version }),
        onWouldApply: (event) => emit({ type: 'wouldApply', ...event }),
      });
      this.#services.set(service, follower);
      follower.open();
    }
  }

  /** A dark rule would have refused a call. */
  count(service: string, policy: RulePolicy, method: string): void {
    this.#services.get(service)?.counts.add(policy, method, 'it would have waited, or been refused');
  }

  /** Tells of what dark rules would have changed; called about once a second. */
  tick(): void {
    for (const follower of this.#services.values()) follower.tick();
  }

  /** Those services that have rules, or had some that could not be used. */
  state(): Readonly<Record<string, ServerRulesState>> {
    const states = [...this.#services].flatMap(([service, { current, rejected, modes, counts }]) => {
      if (current === undefined && rejected === undefined) return [];
      const some = Object.entries(modes).filter(([, mode]) => mode !== 'off');
      const policies = some.map(([policy, mode]) => {
        return [policy, { mode, wouldApply: counts.total(policy as RulePolicy) }] as const;
      });
      const state = { version: current?.document.version, rejected, policies: Object.fromEntries(policies) };
      return [[service, state] as const];
    });
    return Object.fromEntries(states);
  }

  /** Ends following; what is in force stays. Idempotent. */
  close(): void {
    for (const follower of this.#services.values()) follower.close();
  }
}
