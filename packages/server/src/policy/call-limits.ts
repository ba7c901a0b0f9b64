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
 * A rate limit, as on the client. A call beyond the rate is refused with the time after which to come back. With `wait`, a call waits if its
 * turn comes before its deadline; at most 1,000 calls wait (default false, unlike on the client: a waiting call holds memory of the server).
 */
export type ServerRateLimit = RateLimitOptions;

/** Limits for each caller. A caller is the identity that it has proved, else the host that it connects from. */
export interface CallerLimits {
  readonly rateLimit?: ServerRateLimit | undefined;
  /** Calls of one caller that run at once. */
  readonly concurrency?: { readonly max: number } | undefined;
}

/** Limits for the calls of a service or of one method, in addition to the limits of the whole server. */
export interface MethodLimits {
  readonly rateLimit?: ServerRateLimit | undefined;
  /** As on the client: how many calls may run at once, and how many more may wait for one to end. */
  readonly concurrency?: ConcurrencyLimitOptions | undefined;
  readonly perCaller?: CallerLimits | undefined;
}

/** {@link MethodLimits} of a service, and of its methods by name. Every limit that is given applies. */
export interface ServiceLimits extends MethodLimits {
  readonly methods?: Readonly<Record<string, MethodLimits | undefined>> | undefined;
}

/** A method that may have limits of its own. */
export interface LimitedEntry extends MethodEntry {
  /** The limits that its calls must pass, except the server's concurrency limit; `undefined` when it has none. */
  readonly limits?: readonly Admission[] | undefined;
}

/** What limits are made with. */
export interface CallLimitsParts<Entry extends LimitedEntry> {
  /** The server's concurrency limit. It comes last: a call that waits for another limit must not hold one of its places. */
  readonly concurrency: ConcurrencyLimit<Entry>;
  readonly rateLimit: ServerRateLimit | undefined;
  readonly perCaller: CallerLimits | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * The limits that a call passes on its way in: those of its method, of its service and of the server. Rate limits come first, because they
 * refuse most.
 */
export class CallLimits<Entry extends LimitedEntry = LimitedEntry> implements Admission<Entry> {
  readonly #parts: CallLimitsParts<Entry>;
  readonly #ofServer: readonly Admission[];
  /** The concurrency limits of services and methods. */
  readonly #own: ConcurrencyLimit[] = [];

  constructor(parts: CallLimitsParts<Entry>) {
    this.#parts = parts;
    const { rateLimit, perCaller } = parts;
    this.#ofServer = this.#make('createServer', 'the server', { rateLimit, perCaller });
  }

  /**
   * Makes the limits of a service, once for all its methods.
   * @returns a function that gives the limits of a method's calls
   * @throws TypeError naming option, value and bound, or a method that does not exist
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

  /** For people and tools: the concurrency limits, the server's first. */
  state(): ServerConcurrencyState[] {
    return [this.#parts.concurrency.state(), ...this.#own.map((limit) => limit.state())];
  }

  /** Drops waiting calls that nobody wants an answer to any more; called about once a second. */
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

  /** Frees the places that a call took before a later limit refused it. */
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
