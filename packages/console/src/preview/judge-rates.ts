import { completeValues, POLICIES } from '@org/rpc-core/internal';
import { type PairCalls, SLOT_SECONDS } from '../traffic/traffic.js';

/** What a rule says of a rate, as far as it says it. */
interface SaidRate {
  readonly perSecond?: number | undefined;
  readonly burst?: number | undefined;
}

/** A rule that limits rates: of a service, of single methods, and, for servers, of all services of one together. */
export interface RateRule extends SaidRate {
  readonly methods: Readonly<Record<string, SaidRate>>;
  readonly server?: SaidRate | undefined;
}

/**
 * How many calls of each pair went beyond the rates of a rule: a token bucket for each group, filled and emptied in steps of the ten seconds in
 * which calls are kept. Calls of a step count as spread over it, so that shorter bursts are not seen.
 *
 * @param groupOf - whose calls a limit counts together: those of a caller, or those of a server
 */
export function callsBeyondRates(
  rule: RateRule,
  past: readonly PairCalls[],
  groupOf: (calls: PairCalls) => string,
): ReadonlyMap<PairCalls, number> {
  const beyond = new Map<PairCalls, number>();
  const apply = (rate: SaidRate | undefined, calls: readonly PairCalls[]): void => {
    if (rate?.perSecond === undefined) return;
    for (const group of grouped(calls, groupOf).values()) addBeyond(rate, group, beyond);
  };
  apply(rule, past);
  apply(rule.server, past);
  for (const [method, rate] of Object.entries(rule.methods)) {
    apply(
      rate,
      past.filter(({ pair }) => pair.method === method),
    );
  }
  return beyond;
}

function grouped(past: readonly PairCalls[], groupOf: (calls: PairCalls) => string): Map<string, PairCalls[]> {
  const groups = new Map<string, PairCalls[]>();
  for (const each of past) {
    const key = groupOf(each);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  return groups;
}

/** A call that several limits would have held back counts once: the strictest of them decides. */
function addBeyond(rate: SaidRate, group: readonly PairCalls[], beyond: Map<PairCalls, number>): void {
  const { perSecond, burst } = completeValues(POLICIES.rateLimit, { ...rate } as never) as {
    perSecond: number;
    burst: number;
  };
  const all = [...new Set(group.flatMap(({ slots }) => [...slots.keys()]))].sort((a, b) => a - b);
  const sums = new Map<PairCalls, number>();
  let tokens = burst;
  let last: number | undefined;
  for (const slot of all) {
    const pauses = last === undefined ? 0 : slot - last - 1;
    last = slot;
    tokens = Math.min(burst, tokens + pauses * perSecond * SLOT_SECONDS);
    const calls = group.reduce((sum, { slots }) => sum + (slots.get(slot)?.calls ?? 0), 0);
    const excess = Math.max(0, calls - tokens - perSecond * SLOT_SECONDS);
    tokens = Math.min(burst, Math.max(0, tokens + perSecond * SLOT_SECONDS - calls));
    if (excess === 0) continue;
    for (const each of group) {
      const its = each.slots.get(slot)?.calls ?? 0;
      sums.set(each, (sums.get(each) ?? 0) + (excess * its) / calls);
    }
  }
  for (const [each, sum] of sums) beyond.set(each, Math.max(sum, beyond.get(each) ?? 0));
}
