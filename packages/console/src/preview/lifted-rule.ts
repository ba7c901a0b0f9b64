import type { RulePolicy } from '@org/rpc-core';
import type { Trouble } from '../traffic/troubles.js';

/** What a rule in force has done to calls, which another document would end or change. */
export interface LiftedRule {
  /** How many calls or attempts it concerned; `undefined` where nobody counts. */
  readonly count: number | undefined;
  /** How many of them no server has seen. */
  readonly unseen: number;
  /** In words, what the count is of. */
  readonly meaning: string;
  readonly methods: ReadonlyMap<string, number>;
  readonly callers: ReadonlyMap<string, number>;
}

/** What clients tell of a rule, and what would become of it without the rule. */
const DEEDS: Readonly<Partial<Record<RulePolicy, readonly [whats: readonly Trouble['what'][], meaning: string]>>> = {
  timeout: [['failed'], 'calls ran into a time that it has set, and would have what the options of clients allow'],
  hedge: [['hedged'], 'calls sent a second time, as it says: without it the options of clients decide'],
  rateLimit: [['limited', 'waited'], 'calls were refused by it or waited for it, and would pass'],
  concurrency: [['limited', 'waited'], 'calls were refused by it or waited for it, and would pass'],
  switch: [['failed'], 'calls were refused by it, and would pass'],
};

/**
 * What the rule of a policy that is in force has done in the last minutes, as clients tell it: that is what ends with the rule, or may
 * end with other values.
 * @param troubles - what the processes tell; calls that a client refuses reach no server, and are only here
 */
export function liftedRule(policy: RulePolicy, service: string, troubles: readonly Trouble[]): LiftedRule {
  const [methods, callers] = [new Map<string, number>(), new Map<string, number>()];
  const [whats, meaning] = DEEDS[policy] ?? [];
  if (whats === undefined || meaning === undefined)
    return {
      ...{ count: undefined, unseen: 0, methods, callers },
      meaning:
        policy === 'retry'
          ? 'not counted: the options of clients decide again whether and how often calls are repeated'
          : 'not counted: what it has done ends, and the options of clients and servers decide',
    };
  let [count, unseen] = [0, 0];
  for (const { what, service: its, rule, method, caller, count: some } of troubles) {
    if (its !== service || rule !== policy || !whats.includes(what)) continue;
    count += some;
    if (what === 'limited') unseen += some;
    methods.set(method, (methods.get(method) ?? 0) + some);
    callers.set(caller, (callers.get(caller) ?? 0) + some);
  }
  return { count, unseen, meaning, methods, callers };
}
