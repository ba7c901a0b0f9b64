import type { Call, Clock, Random } from '@org/rpc-core';
import { POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import type { ActiveRules } from './active-rules.js';
import { Breaker } from './breaker.js';
import { BreakerGroup, type BreakerTransition, type BreakerValues } from './breaker-group.js';
import { darkBreaker, type PolicySource } from './fold.js';
import type { OutcomeKind } from './outcome.js';

/** Pairs of node and method that are looked at; further ones are not. */
const PAIRS_MAX = 10_000;

/** Where a call has ended. */
interface JudgedNode {
  readonly address: string;
  readonly endpoint: { readonly id: string };
}

/** What dark breakers are made of. */
export interface DarkBreakersSettings {
  readonly clock: Clock;
  readonly random: Random;
  /** What the rule wants for a method; `undefined` where it says nothing of it. */
  readonly valuesOf: (method: string) => BreakerValues | undefined;
  /** One would have opened. */
  readonly tell: (opened: BreakerTransition) => void;
}

/**
 * The breakers that a dark rule would have, beside those in force: they record what these record, and keep nobody off anything. One that
 * would have opened counts anew from then on. To be closed.
 */
export class DarkBreakers {
  readonly #settings: DarkBreakersSettings;
  readonly #group: BreakerGroup;
  /** By the id of the instance, of which several may be at one address, then by method. */
  readonly #breakers = new Map<string, Map<string, Breaker>>();
  readonly #values = new Map<string, BreakerValues | undefined>();
  #size = 0;

  constructor(settings: DarkBreakersSettings) {
    this.#settings = settings;
    const { clock, random } = settings;
    this.#group = new BreakerGroup({
      options: resolvePolicy('breaker', POLICIES.breaker),
      clock,
      random,
      onTransition: settings.tell,
    });
  }

  /** A call at a node has ended. */
  record({ address, endpoint }: JudgedNode, call: Call, kind: OutcomeKind, now: number): void {
    const ofNode = this.#breakers.get(endpoint.id);
    let breaker = ofNode?.get(call.method);
    if (breaker === undefined) {
      const values = this.#valuesOf(call.method);
      if (values === undefined || this.#size >= PAIRS_MAX) return;
      const all = ofNode ?? new Map<string, Breaker>();
      this.#breakers.set(endpoint.id, all);
      const breakerChanged = ({ method }: Breaker): void => {
        if (all.delete(method)) this.#size--;
      };
      breaker = new Breaker(this.#group, { address, breakerChanged }, call.methodRef, () => values);
      all.set(call.method, breaker);
      this.#size++;
    }
    breaker.record(kind, call.startedAt, now);
  }

  /** Ends the timers. */
  close(): void {
    this.#group.close();
  }

  #valuesOf(method: string): BreakerValues | undefined {
    if (!this.#values.has(method) && this.#values.size < PAIRS_MAX)
      this.#values.set(method, this.#settings.valuesOf(method));
    return this.#values.get(method);
  }
}

/**
 * What judges a dark rule of breakers; `undefined` where there is none.
 * @param sources - what was said of the service, the nearest first
 * @param tell - called with a method, and which node calls of it would have kept off
 */
export function darkBreakers(
  rules: ActiveRules | undefined,
  sources: readonly PolicySource[],
  { clock, random }: Pick<DarkBreakersSettings, 'clock' | 'random'>,
  tell: (method: string, effect: string) => void,
): DarkBreakers | undefined {
  if (rules?.modes.breaker !== 'dark') return undefined;
  return new DarkBreakers({
    clock,
    random,
    valuesOf: (method) => darkBreaker(method, sources, rules),
    tell: ({ endpoint, method }) => tell(method, `calls of it would have kept off ${endpoint} for a while`),
  });
}
