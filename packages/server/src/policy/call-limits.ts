import type {
  Clock,
  ConcurrencyLimitOptions,
  Random,
  RateLimitOptions,
  RpcError,
  ServiceDefinition,
} from '@org/rpc-core';
import { assertKnownOptions, assertObject, isPromise, POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';
import { ConcurrencyLimit, type ServerConcurrencyState } from './concurrency.js';
import { CallerConcurrency, CallerRates, Rate } from './rates.js';
import { WaitingRate } from './waiting-rate.js';

/**
 * Calls over time, as on the client; beyond it they are refused with the time after which there is room. With `wait` a call waits here if its turn
 * comes before its deadline, up to a thousand of them (default false, other than on the client: who waits here holds memory of the server).
 */
export type ServerRateLimit = RateLimitOptions;

/** What holds for each caller by itself: who it proved to be, else the host that it comes from. */
export interface CallerLimits {
  readonly rateLimit?: ServerRateLimit | undefined;
  /** Calls of one caller that run at once. */
  readonly concurrency?: { readonly max: number } | undefined;
}

/** What holds for the calls of a service, or of one method of it, beside what holds for all of the server. */
export interface MethodLimits {
  readonly rateLimit?: ServerRateLimit | undefined;
  /** As on the client: calls that run at once, and calls that may wait for one to end. */
  readonly concurrency?: ConcurrencyLimitOptions | undefined;
  readonly perCaller?: CallerLimits | undefined;
}

/** {@link MethodLimits} of a service, and of its methods by name; all that are given apply. */
export interface ServiceLimits extends MethodLimits {
  readonly methods?: Readonly<Record<string, MethodLimits | undefined>> | undefined;
}

/** A method that may have limits of its own. */
export interface LimitedEntry extends MethodEntry {
  /** All that its calls have to pass but that of the server on calls at once; `undefined` when there is none. */
  readonly limits?: readonly Admission[] | undefined;
}

/** What limits are made with. */
export interface CallLimitsParts<Entry extends LimitedEntry> {
  /** That of the server on calls at once, which comes last: what waits elsewhere must not take its places. */
  readonly concurrency: ConcurrencyLimit<Entry>;
  readonly rateLimit: ServerRateLimit | undefined;
  readonly perCaller: CallerLimits | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** The limits that calls pass on their way in: those of their method, of its service, of the server; rates first, for these refuse most. */
export class CallLimits<Entry extends LimitedEntry = LimitedEntry> implements Admission<Entry> {
  readonly #parts: CallLimitsParts<Entry>;
  readonly #ofServer: readonly Admission[];
  /** Those on calls at once, of services and methods. */
  readonly #own: ConcurrencyLimit[] = [];

  constructor(parts: CallLimitsParts<Entry>) {
    this.#parts = parts;
    const { rateLimit, perCaller } = parts;
    this.#ofServer = this.#make('createServer', 'the server', { rateLimit, perCaller });
  }

  /**
   * The limits of a service, made once for all its methods.
   * @returns what each method's calls have to pass
   * @throws TypeError naming option, value and bound, or a method that there is not
   */
  ofService(
    { name, methods }: ServiceDefinition,
    limits: ServiceLimits = {},
  ): (method: string) => readonly Admission[] | undefined {
    const where = `server.add: limits of "${name}"`;
    assertKnownOptions(where, limits, ['rateLimit', 'concurrency', 'perCaller', 'methods']);
    const given = limits.methods ?? {};
    assertObject(where, 'methods', given);
    assertKnownOptions(`${where}: methods`, given, Object.keys(methods));
    const { methods: _, ...own } = limits;
    const ofService = this.#make(where, name, own);
    return (method) => {
      const ofMethod = this.#make(
        `${where}: methods.${method}`,
        `${name}.${method}`,
        (Object.hasOwn(given, method) ? given[method] : undefined) ?? {},
      );
      const all = [...ofMethod, ...ofService, ...this.#ofServer];
      const rates = all.filter((limit) => !(limit instanceof ConcurrencyLimit));
      return all.length === 0 ? undefined : [...rates, ...all.filter((limit) => limit instanceof ConcurrencyLimit)];
    };
  }

  enter(call: IncomingCall<Entry>): RpcError | undefined | Promise<RpcError | undefined> {
    const { limits } = call.entry;
    return limits === undefined ? this.#parts.concurrency.enter(call) : this.#pass(call, limits, 0);
  }

  leave(call: IncomingCall<Entry>, error: unknown): void {
    const { limits } = call.entry;
    if (limits !== undefined) for (const limit of limits) limit.leave(call, error);
    this.#parts.concurrency.leave(call, error);
  }

  /** For people and tools: that of the server first. */
  state(): ServerConcurrencyState[] {
    return [this.#parts.concurrency.state(), ...this.#own.map((limit) => limit.state())];
  }

  /** Lets go of those that wait for nothing any more; called about once a second. */
  sweep(): void {
    this.#parts.concurrency.sweep();
    for (const limit of this.#own) limit.sweep();
  }

  #pass(
    call: IncomingCall<Entry>,
    limits: readonly Admission[],
    from: number,
  ): RpcError | undefined | Promise<RpcError | undefined> {
    for (let index = from; index <= limits.length; index++) {
      const verdict = (limits[index] ?? (this.#parts.concurrency as Admission<never>)).enter(call as never);
      if (verdict === undefined) continue;
      if (!isPromise(verdict)) return this.#giveBack(call, limits, index, verdict);
      return (verdict as Promise<RpcError | undefined>).then((refusal) => {
        if (refusal !== undefined) return this.#giveBack(call, limits, index, refusal);
        return index < limits.length ? this.#pass(call, limits, index + 1) : undefined;
      });
    }
    return undefined;
  }

  /** It is refused at the end: what it has taken on its way is free again. */
  #giveBack(call: IncomingCall<Entry>, limits: readonly Admission[], until: number, refusal: RpcError): RpcError {
    for (let index = 0; index < until; index++) limits[index]!.leave(call, refusal);
    return refusal;
  }

  #make(where: string, what: string, limits: MethodLimits): Admission[] {
    assertKnownOptions(where, limits, ['rateLimit', 'concurrency', 'perCaller']);
    const { clock, random } = this.#parts;
    const { rateLimit, concurrency, perCaller } = limits;
    const made: Admission[] = [];
    const makeRate = (values: ResolvedRate, of = what): Admission => {
      const rate = new Rate(of, values, clock);
      return values.wait ? new WaitingRate(rate, clock) : rate;
    };
    if (rateLimit !== undefined) made.push(makeRate(resolveRate(where, rateLimit)));
    if (perCaller !== undefined) {
      assertKnownOptions(`${where}: perCaller`, perCaller, ['rateLimit', 'concurrency']);
      const { rateLimit: rate, concurrency: places } = perCaller;
      if (rate !== undefined) {
        const values = resolveRate(`${where}: perCaller`, rate);
        made.push(new CallerRates(() => makeRate(values, `${what}, from one caller,`)));
      }
      if (places !== undefined) {
        const { max } = resolvePolicy(`${where}: perCaller`, POLICIES.concurrency, places);
        made.push(new CallerConcurrency(what, max, random));
      }
    }
    if (concurrency !== undefined) {
      const { max, queue } = resolvePolicy(where, POLICIES.concurrency, concurrency);
      const places = new ConcurrencyLimit({ max, queue, clock, random, what });
      made.push(places);
      this.#own.push(places);
    }
    return made;
  }
}

interface ResolvedRate {
  readonly perSecond: number;
  readonly burst: number;
  readonly wait: boolean;
}

function resolveRate(where: string, given: ServerRateLimit): ResolvedRate {
  assertKnownOptions(`${where}: rateLimit`, given, ['perSecond', 'burst', 'wait']);
  return { ...resolvePolicy(where, POLICIES.rateLimit, given), wait: given.wait ?? false };
}
