import type { CallCounts, OperatorReport } from '@org/rpc';
import type { MethodKind } from '@org/rpc-core';

/** The calls between two reports of one server, for one caller of one method. */
export interface CallDelta {
  readonly service: string;
  readonly method: string;
  readonly kind: MethodKind;
  readonly caller: string;
  readonly calls: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Pairs of a bucket and a count. */
  readonly latency: readonly number[];
}

/**
 * The calls that a report counts beyond the one before: none for a server's first report, whose time span is unknown, and every call of a
 * report that has started counting again.
 */
export function reportDelta(before: OperatorReport | undefined, now: OperatorReport): CallDelta[] {
  if (before === undefined) return [];
  const isAnew = before.countingSince !== now.countingSince;
  const known = new Map(isAnew ? [] : before.calls.map((counts) => [keyOf(counts), counts]));
  return now.calls.flatMap((counts) => {
    const old = known.get(keyOf(counts));
    const calls = counts.calls - (old?.calls ?? 0);
    if (calls <= 0) return [];
    const { service, method, kind, caller } = counts;
    return [{ service, method, kind, caller, calls, errors: errorsOf(counts, old), latency: latencyOf(counts, old) }];
  });
}

function errorsOf({ errors }: CallCounts, old: CallCounts | undefined): Record<string, number> {
  const before: Readonly<Record<string, number | undefined>> = old?.errors ?? {};
  const pairs = Object.entries(errors).map(([code, count]) => [code, count - (before[code] ?? 0)] as const);
  return Object.fromEntries(pairs.filter(([, count]) => count > 0));
}

function latencyOf({ latency }: CallCounts, old: CallCounts | undefined): number[] {
  const before = new Map<number, number>();
  const past = old?.latency ?? [];
  for (let i = 0; i + 1 < past.length; i += 2) before.set(past[i]!, past[i + 1]!);
  const pairs: number[] = [];
  for (let i = 0; i + 1 < latency.length; i += 2) {
    const count = latency[i + 1]! - (before.get(latency[i]!) ?? 0);
    if (count > 0) pairs.push(latency[i]!, count);
  }
  return pairs;
}

function keyOf({ service, method, caller }: CallCounts): string {
  return JSON.stringify([service, method, caller]);
}
