import type { RulePolicy, RulesDocument } from '@org/rpc-core';
import type { Pair, PairCalls } from '../traffic/traffic.js';

/** How many calls of a flow a rule would have changed. `undefined`: unknown. */
export type Judge = (calls: PairCalls) => number | undefined;

/** What a rule does to calls, in words, and how many of them it changes. */
export interface Verdict {
  readonly meaning: string;
  readonly judge: Judge;
  /** Whether the count is a bound. */
  readonly isAtMost?: boolean;
}

/** The values of a rule by their names. */
export type Values = Readonly<Record<string, unknown>>;

/** A rule's values for a method; for a stream only the values of the method itself. */
export function valuesFor(
  document: RulesDocument,
  policy: RulePolicy,
  { method, kind }: Pair,
): Values & { max?: unknown } {
  const { methods, ...all } = document[policy] as unknown as Values & { methods?: Readonly<Record<string, Values>> };
  const own = ofMethod(methods, method) ?? {};
  return kind === 'unary' || policy !== 'timeout' ? { ...all, ...own } : own;
}

/** What a rule says of one method. */
export function ofMethod<V>(methods: Readonly<Record<string, V>> | undefined, method: string): V | undefined {
  return methods !== undefined && Object.hasOwn(methods, method) ? methods[method] : undefined;
}
