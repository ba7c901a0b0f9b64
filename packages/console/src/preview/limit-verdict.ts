import type { RulePolicy, RulesDocument } from '@org/rpc-core';
import { completeValues, POLICIES } from '@org/rpc-core/internal';
import { totalMs } from '../traffic/histogram.js';
import { type PairCalls, SLOT_SECONDS } from '../traffic/traffic.js';
import { callsBeyondRates, type RateRule } from './judge-rates.js';

/** What is said of a rule: in words, and how many calls of a pair it would have changed. */
interface LimitVerdict {
  readonly meaning: string;
  readonly judge: (calls: PairCalls) => number | undefined;
}

/**
 * What a rule that limits calls would have meant for them; `undefined` for all other rules.
 * @param inScope - the calls of those that the rule is for
 */
export function limitVerdict(
  policy: RulePolicy,
  document: RulesDocument,
  inScope: readonly PairCalls[],
): LimitVerdict | undefined {
  switch (policy) {
    case 'rateLimit':
    case 'serverRateLimit':
    case 'callerRateLimit': {
      const beyond = callsBeyondRates(document[policy] as unknown as RateRule, inScope, GROUPS[policy]);
      return { meaning: RATE_MEANING[policy], judge: (calls) => beyond.get(calls) ?? 0 };
    }
    case 'throttle':
      return {
        meaning:
          'about so many calls would have been refused by their clients, because servers refused most or did not answer in time',
        judge: throttled(document, inScope),
      };
    case 'concurrency':
    case 'serverConcurrency':
    case 'callerConcurrency':
      return { meaning: atOnce(policy, inScope), judge: () => undefined };
    default:
      return undefined;
  }
}

/** Whose calls a rate limit counts together. */
const GROUPS = {
  rateLimit: ({ pair }: PairCalls) => pair.caller,
  serverRateLimit: ({ pair }: PairCalls) => pair.instance,
  callerRateLimit: ({ pair }: PairCalls) => JSON.stringify([pair.instance, pair.caller]),
};

const RATE_MEANING = {
  rateLimit: 'calls beyond the rate, which would have waited or been refused; callers of one name count as one client',
  serverRateLimit: 'calls beyond the rate of their server',
  callerRateLimit:
    'calls beyond the rate of their caller at a server, which tells callers apart by identity or host, and this preview by name',
};

/** How many calls ran at a time was not counted; how many did on average follows from how long they took (Little's law). */
function atOnce(policy: RulePolicy, inScope: readonly PairCalls[]): string {
  const whose = policy === 'serverConcurrency' ? 'an instance' : 'a caller';
  const busyMs = new Map<string, number>();
  for (const { pair, slots } of inScope)
    for (const [slot, { latency }] of slots) {
      const key = `${slot} ${policy === 'serverConcurrency' ? pair.instance : pair.caller}`;
      busyMs.set(key, (busyMs.get(key) ?? 0) + totalMs(latency));
    }
  const most = Math.max(0, ...busyMs.values()) / SLOT_SECONDS / 1_000;
  return `not counted: how many calls ran at a time. On average of ten seconds ${whose} had at most ${most.toFixed(1)}; for a moment there were more`;
}

/** The throttle looks back for thirty seconds. */
const THROTTLE_SLOTS = 30 / SLOT_SECONDS;

/** By client and method, as a throttle counts. */
function throttled(document: RulesDocument, inScope: readonly PairCalls[]): LimitVerdict['judge'] {
  const groups = new Map<string, PairCalls[]>();
  const keyOf = ({ pair }: PairCalls): string => JSON.stringify([pair.caller, pair.method]);
  for (const each of inScope) {
    const group = groups.get(keyOf(each));
    if (group === undefined) groups.set(keyOf(each), [each]);
    else group.push(each);
  }
  return (calls) => {
    const { methods = {}, ...all } = document.throttle ?? {};
    const { method } = calls.pair;
    const own = Object.hasOwn(methods, method) ? methods[method] : {};
    const { multiplier, maxPercent, minCalls } = completeValues(POLICIES.throttle, { ...all, ...own });
    let refused = 0;
    for (const [slot, flow] of calls.slots) {
      const { sent, taken } = lately(groups.get(keyOf(calls)) ?? [], slot);
      const share = Math.max(0, (sent - multiplier * taken) / (sent + 1));
      if (sent >= minCalls) refused += flow.calls * Math.min(maxPercent / 100, share);
    }
    return refused;
  };
}

/** Calls of the seconds before, and how many of them servers took. */
function lately(group: readonly PairCalls[], slot: number): { readonly sent: number; readonly taken: number } {
  let sent = 0;
  let lost = 0;
  for (const { slots } of group)
    for (let at = slot - THROTTLE_SLOTS + 1; at <= slot; at++) {
      const { calls = 0, codes } = slots.get(at) ?? {};
      sent += calls;
      lost += (codes?.get('RESOURCE_EXHAUSTED') ?? 0) + (codes?.get('DEADLINE_EXCEEDED') ?? 0);
    }
  return { sent, taken: sent - lost };
}
