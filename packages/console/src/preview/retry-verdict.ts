import type { RulesDocument } from '@org/rpc-core';
import { countAbove } from '../traffic/histogram.js';
import type { Flow } from '../traffic/traffic.js';
import { type Verdict, valuesFor } from './verdict.js';

/**
 * Which calls a rule of retries is about: those that a server refused, and those that ran out of time, by the time in force or by that which
 * the same document gives an attempt. Whether a method is idempotent, and what was left of a call's time, only its client knows.
 */
export function retryVerdict(document: RulesDocument): Verdict {
  return {
    meaning:
      'calls that a server refused or that ran out of time, which are repeated more or less often, if their methods are idempotent and time is left. Not counted: calls that reached no server. Not known: where a repeat may follow, an attempt has only a share of the time, so that more attempts end and are repeated elsewhere; set the rule dark, or for a few percent, and look at the repeats',
    judge: ({ pair, flow }) => {
      if (valuesFor(document, 'retry', pair).max === undefined) return 0;
      const attemptMs = document.timeout?.mode === 'on' ? valuesFor(document, 'timeout', pair)['attemptTimeoutMs'] : 0;
      const beyond = typeof attemptMs === 'number' && attemptMs > 0 ? countAbove(flow.latency, attemptMs) : 0;
      return refusedOf(flow) + Math.max(beyond, flow.codes.get('DEADLINE_EXCEEDED') ?? 0);
    },
    isAtMost: true,
  };
}

/** How many calls ended with a code with which servers refuse calls that have not begun. */
function refusedOf({ codes }: Flow): number {
  return (codes.get('UNAVAILABLE') ?? 0) + (codes.get('RESOURCE_EXHAUSTED') ?? 0);
}
