import type { Clock, Random, RpcError } from '@org/rpc-core';
import { completeValues, isPromise, POLICIES } from '@org/rpc-core/internal';
import type { IncomingCall } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';
import { ConcurrencyLimit, type LimitSource, type ServerConcurrencyState } from './concurrency.js';
import { CallerConcurrency, CallerRates, Rate, type RateValues } from './rates.js';

/** The limits of a level, by the names that they have in rules. */
export const LIMIT_POLICIES = ['serverRateLimit', 'callerRateLimit', 'callerConcurrency', 'serverConcurrency'] as const;

/** One of {@link LIMIT_POLICIES}. */
export type LimitPolicy = (typeof LIMIT_POLICIES)[number];

/** What options say of the limits of a level, checked but without defaults. */
export type SaidLimits = { readonly [P in LimitPolicy]?: Readonly<Record<string, unknown>> | undefined };

/** What rules say of the limits of a level, and the rules of which service. */
export type RuledLimits = {
  readonly [P in LimitPolicy]?: RuledValues | undefined;
};

/** The values of a rule, and where they are from. */
export interface RuledValues {
  readonly values: Readonly<Record<string, unknown>>;
  readonly from: Exclude<LimitSource, 'options'>;
}

/** A rate limit of a server now. */
export interface ServerRateState {
  /** What is limited: `the server`, a service, or `service.method`. */
  readonly what: string;
  /** Whether it is one for each caller. */
  readonly perCaller: boolean;
  readonly perSecond: number;
  readonly burst: number;
  readonly wait: boolean;
  readonly from: LimitSource;
}

/** A limit on the calls of each caller now. */
export interface CallerLimitState {
  readonly what: string;
  /** Calls of one caller that may run at once. */
  readonly max: number;
  /** Callers that have calls which run. */
  readonly callers: number;
  readonly from: LimitSource;
}

/** What limits are made with. */
export interface LevelLimitsParts {
  readonly clock: Clock;
  readonly random: Random;
  /** A dark rule would have refused a call, or made it wait. */
  readonly tellDark: (from: RuledValues['from'], policy: LimitPolicy | 'overload', call: IncomingCall) => void;
}

/** A limit that is there, with its values and where they are from. */
interface InForce<L> {
  readonly limit: L;
  readonly values: Readonly<Record<string, unknown>>;
  readonly from: LimitSource;
}

/** In place of a limit that is taken back: nobody waits for it any more. */
const UNBOUNDED = { max: Number.POSITIVE_INFINITY, queue: 0 };

/**
 * The limits of one level: the server, a service or a method. What neither options nor rules give is not there. Rules may change them while
 * calls run: what runs goes on, who waits goes on waiting, and what has been used of a rate stays used.
 */
export class LevelLimits {
  readonly what: string;
  readonly #given: SaidLimits;
  readonly #parts: LevelLimitsParts;
  #rate: InForce<Rate> | undefined;
  #callerRates: InForce<CallerRates> | undefined;
  #callerPlaces: InForce<CallerConcurrency> | undefined;
  #places: InForce<ConcurrencyLimit> | undefined;
  /** Kept when it is taken back: calls that it let in are still counted by it. */
  readonly #made: { places?: ConcurrencyLimit; callerPlaces?: CallerConcurrency } = {};
  #dark: readonly Admission[] = [];

  /** @param what - what is limited, for errors */
  constructor(what: string, given: SaidLimits, parts: LevelLimitsParts) {
    this.what = what;
    this.#given = given;
    this.#parts = parts;
    this.apply({}, {});
  }

  /** Rates, of all callers and of each, and then what counts running calls; dark ones first, which see every call. */
  get all(): readonly Admission[] {
    const all = [this.#rate, this.#callerRates, this.#callerPlaces, this.#places];
    return [...this.#dark, ...all.flatMap((each) => (each === undefined ? [] : [each.limit]))];
  }

  /** The limit on calls that run at once; `undefined` for none. */
  get places(): ConcurrencyLimit | undefined {
    return this.#made.places;
  }

  /** From now on these rules hold. @param dark - those that only tell what they would do */
  apply(on: RuledLimits, dark: RuledLimits): void {
    this.#rate = this.#applyRate(this.#rate, on, 'serverRateLimit', (values) => {
      return new Rate(this.what, values, this.#parts.clock);
    });
    this.#callerRates = this.#applyRate(this.#callerRates, on, 'callerRateLimit', (values) => {
      return new CallerRates(this.what, values, this.#parts.clock);
    });
    this.#applyCallerPlaces(on);
    this.#applyPlaces(on);
    this.#dark = LIMIT_POLICIES.flatMap((policy) => this.#darkOf(policy, dark[policy]));
  }

  /** The rate limits, for people and tools. */
  rateStates(): ServerRateState[] {
    const states = [
      { it: this.#rate, perCaller: false },
      { it: this.#callerRates, perCaller: true },
    ];
    return states.flatMap(({ it, perCaller }) => {
      if (it === undefined) return [];
      const { perSecond, burst, wait = false } = it.values as unknown as RateValues;
      return [{ what: this.what, perCaller, perSecond, burst, wait, from: it.from }];
    });
  }

  /** The same of calls at once. */
  placeStates(): ServerConcurrencyState[] {
    return this.#places === undefined ? [] : [this.#places.limit.state()];
  }

  /** The same of calls at once of each caller. */
  callerStates(): CallerLimitState[] {
    if (this.#callerPlaces === undefined) return [];
    const { limit, values, from } = this.#callerPlaces;
    return [{ what: this.what, max: values['max'] as number, callers: limit.callers, from }];
  }

  #applyRate<L extends Rate | CallerRates>(
    before: InForce<L> | undefined,
    on: RuledLimits,
    policy: 'serverRateLimit' | 'callerRateLimit',
    make: (values: RateValues) => L,
  ): InForce<L> | undefined {
    const given = this.#merged(policy, on[policy]);
    if (given['perSecond'] === undefined) return undefined;
    const from = on[policy]?.from ?? 'options';
    const said = from === 'options' ? undefined : `${policy} of the rules of ${from.service}`;
    const values = { ...completeValues(POLICIES[policy], given), said };
    if (before === undefined) return { limit: make(values), values, from };
    if (!isSame(before, values, from)) before.limit.configure(values);
    return { limit: before.limit, values, from };
  }

  #applyCallerPlaces(on: RuledLimits): void {
    const policy = 'callerConcurrency';
    const values = this.#merged(policy, on[policy]);
    if (values['max'] === undefined) {
      this.#callerPlaces = undefined;
      return;
    }
    const max = values['max'] as number;
    const from = on[policy]?.from ?? 'options';
    this.#made.callerPlaces ??= new CallerConcurrency(this.what, max, this.#parts.random);
    const limit = this.#made.callerPlaces;
    const said = from === 'options' ? undefined : `${policy} of the rules of ${from.service}`;
    if (!isSame(this.#callerPlaces, values, from)) limit.configure(max, said);
    this.#callerPlaces = { limit, values, from };
  }

  #applyPlaces(on: RuledLimits): void {
    const policy = 'serverConcurrency';
    const given = this.#merged(policy, on[policy]);
    if (given['max'] === undefined) {
      if (this.#places !== undefined) this.#made.places!.configure(UNBOUNDED);
      this.#places = undefined;
      return;
    }
    const { clock, random } = this.#parts;
    const values = completeValues(POLICIES[policy], given);
    const { max, queue } = values;
    const from = on[policy]?.from ?? 'options';
    this.#made.places ??= new ConcurrencyLimit({ max, queue, from, clock, random, what: this.what });
    const limit = this.#made.places;
    if (!isSame(this.#places, values, from)) limit.configure({ max, queue, from });
    this.#places = { limit, values, from };
  }

  #merged(policy: LimitPolicy, ruled: RuledValues | undefined): Readonly<Record<string, unknown>> {
    return { ...this.#given[policy], ...ruled?.values };
  }

  #darkOf(policy: LimitPolicy, ruled: RuledValues | undefined): DarkLimit[] {
    if (ruled === undefined) return [];
    // They let nobody wait: what would wait is told of.
    const values = { ...this.#merged(policy, ruled), wait: false, queue: 0 } as unknown as RateValues & {
      max?: number;
    };
    const { clock, random, tellDark } = this.#parts;
    const { what } = this;
    const isRate = policy === 'serverRateLimit' || policy === 'callerRateLimit';
    if ((isRate ? values.perSecond : values.max) === undefined) return [];
    const rate = (): RateValues => completeValues(POLICIES.serverRateLimit, values);
    const make = {
      serverRateLimit: () => new Rate(what, rate(), clock),
      callerRateLimit: () => new CallerRates(what, rate(), clock),
      callerConcurrency: () => new CallerConcurrency(what, values.max!, random),
      serverConcurrency: () => new ConcurrencyLimit({ max: values.max!, queue: 0, clock, random }),
    };
    return [new DarkLimit(make[policy](), (call) => tellDark(ruled.from, policy, call))];
  }
}

/** A limit that refuses nobody, and tells whom it would have refused. */
class DarkLimit implements Admission {
  readonly #limit: Admission;
  readonly #tell: (call: IncomingCall) => void;
  readonly #inside = new WeakSet<IncomingCall>();

  constructor(limit: Admission, tell: (call: IncomingCall) => void) {
    this.#limit = limit;
    this.#tell = tell;
  }

  enter(call: IncomingCall): RpcError | undefined {
    const verdict = this.#limit.enter(call);
    if (verdict === undefined) this.#inside.add(call);
    else if (!isPromise(verdict)) this.#tell(call);
    return undefined;
  }

  leave(call: IncomingCall, error: unknown): void {
    if (this.#inside.delete(call)) this.#limit.leave(call, error);
  }
}

function isSame(before: InForce<unknown> | undefined, values: object, from: LimitSource): boolean {
  return before !== undefined && JSON.stringify([before.values, before.from]) === JSON.stringify([values, from]);
}
