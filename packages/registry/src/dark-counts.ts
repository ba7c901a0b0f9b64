import type { RulePolicy } from '@org/rpc-core';
import { RULE_POLICIES } from '@org/rpc-core/internal';

/** What rules that are dark would have changed; for those who watch. */
export interface WouldApplyEvent {
  readonly service: string;
  readonly policy: RulePolicy;
  /** Of the rules. */
  readonly version: number;
  /** Calls that would have gone otherwise since the event before. */
  readonly count: number;
  /** The same since the rule was set. */
  readonly total: number;
  /** The method of the last of them. */
  readonly method: string;
  /** What would have become of it, in words for people. */
  readonly effect: string;
}

interface Count {
  total: number;
  told: number;
  method: string;
  effect: string;
}

/** Counts what dark rules of a service would have changed, and reports each policy at most once a tick. */
export class DarkCounts {
  readonly #counts = new Map<RulePolicy, Count>();

  /** Notes a call that would have gone otherwise. */
  add(policy: RulePolicy, method: string, effect: string): void {
    const count = this.#counts.get(policy) ?? { total: 0, told: 0, method, effect };
    this.#counts.set(policy, count);
    count.total++;
    count.method = method;
    count.effect = effect;
  }

  /** How many there were since the last {@link clear}. */
  total(policy: RulePolicy): number {
    return this.#counts.get(policy)?.total ?? 0;
  }

  /** Tells of what came since the last time; called about once a second. */
  flush(service: string, version: number, tell: (event: WouldApplyEvent) => void): void {
    for (const policy of RULE_POLICIES) {
      const count = this.#counts.get(policy);
      if (count === undefined || count.told === count.total) continue;
      const { total, method, effect } = count;
      const event = { service, policy, version, count: total - count.told, total, method, effect };
      count.told = total;
      tell(event);
    }
  }

  /** Begins anew, with other rules. */
  clear(): void {
    this.#counts.clear();
  }
}
