import type { RulesDocument } from '@org/rpc-core';
import { ruleModes } from '@org/rpc-core/internal';
import { countAbove } from '../traffic/histogram.js';
import type { PairCalls } from '../traffic/traffic.js';
import { type Verdict, valuesFor } from './verdict.js';

/**
 * What another timeout would have meant: a shorter one ends calls that were answered, a longer one gives time to those that ran out of it.
 * Where no rule is in force, the time of the callers' options is not known: then both are counted.
 *
 * @param current - the document in force
 * @param inScope - the calls of those that the rule is for
 */
export function timeoutVerdict(
  document: RulesDocument,
  current: RulesDocument | undefined,
  inScope: readonly PairCalls[],
): Verdict {
  let [ended, given] = [0, 0];
  const all = new Map<PairCalls, number>();
  for (const calls of inScope) {
    const { cut, saved } = difference(calls, limitOf(document, calls), limitInForce(current, calls));
    all.set(calls, cut + saved);
    ended += cut;
    given += saved;
  }
  const shorter =
    'calls that took longer than the timeout, and would have ended by it: those that a longer one ends now among them';
  const longer =
    'calls that ran out of time before, and would have had longer: how many of them would then have been answered is not known, nor whether it was this time that was over or one of their callers';
  const meaning =
    given === 0 ? shorter : ended === 0 ? longer : `${Math.round(ended)} ${shorter}; ${Math.round(given)} ${longer}`;
  return { meaning, judge: (calls) => all.get(calls) ?? 0, isAtMost: given > 0 };
}

function difference(
  { flow }: PairCalls,
  limitMs: number | undefined,
  nowMs: number | undefined,
): { readonly cut: number; readonly saved: number } {
  if (limitMs === undefined || limitMs === nowMs) return { cut: 0, saved: 0 };
  const above = countAbove(flow.latency, limitMs);
  const late = flow.codes.get('DEADLINE_EXCEEDED') ?? 0;
  const saved = Math.max(0, late - above);
  if (nowMs === undefined) return { cut: above, saved };
  // Those that end by the time in force end also by a shorter one, and sooner: a server may have ended them before they took so long.
  return limitMs < nowMs ? { cut: Math.max(above, late), saved: 0 } : { cut: 0, saved };
}

function limitInForce(current: RulesDocument | undefined, calls: PairCalls): number | undefined {
  if (current?.timeout === undefined) return undefined;
  const { service, caller } = calls.pair;
  return ruleModes('client', current, caller, service).timeout === 'on' ? limitOf(current, calls) : undefined;
}

function limitOf(document: RulesDocument, { pair }: PairCalls): number | undefined {
  const { timeoutMs, attemptTimeoutMs } = valuesFor(document, 'timeout', pair);
  const limits = [timeoutMs, attemptTimeoutMs].filter((each) => typeof each === 'number');
  return limits.length === 0 ? undefined : Math.min(...limits);
}
