import type {
  ConcurrencyLimitOptions,
  RateLimitOptions,
  RpcError,
  ServerConcurrency,
  ServiceDefinition,
} from '@org/rpc-core';
import {
  assertKnownOptions,
  assertObject,
  completeValues,
  isPromise,
  POLICIES,
  type PolicyDescription,
  resolvePolicy,
} from '@org/rpc-core/internal';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';
import type { Admission } from '../stack.js';
import type {
  ConcurrencyLimit,
  ConcurrencyValues,
  LimitSource,
  ResolvedOverload,
  ServerConcurrencyState,
} from './concurrency.js';
import { DarkTurn } from './dark-turn.js';
import {
  type CallerLimitState,
  LevelLimits,
  type LevelLimitsParts,
  LIMIT_POLICIES,
  type LimitPolicy,
  type RuledLimits,
  type RuledValues,
  type SaidLimits,
  type ServerRateState,
} from './level-limits.js';
import { type FollowedRules, strictest, valuesOf } from './ruled-values.js';

/**
 * A rate limit, as on the client. A call beyond the rate is refused with the time after which to come back. With `wait`, a call waits if its
 * turn comes before its deadline; at most 1,000 calls wait (default false, unlike on the client: a waiting call holds memory of the server).
 */
export type ServerRateLimit = RateLimitOptions;

/** Limits for each caller. A caller is the identity that it has proved, else the host that it connects from. */
export interface CallerLimits {
  readonly rateLimit?: ServerRateLimit | undefined;
  /** Calls of one caller that run at once. */
  readonly concurrency?: Pick<ConcurrencyLimitOptions, 'max'> | undefined;
}

/** Limits for the calls of a service or of one method, in addition to the limits of the whole server. */
export interface MethodLimits {
  readonly rateLimit?: ServerRateLimit | undefined;
  /** How many calls may run at once, and how many more may wait for one to end. */
  readonly concurrency?: ServerConcurrency | undefined;
  readonly perCaller?: CallerLimits | undefined;
}

/** {@link MethodLimits} of a service, and of its methods by name. Every limit that is given applies. */
export interface ServiceLimits extends MethodLimits {
  readonly methods?: Readonly<Record<string, MethodLimits | undefined>> | undefined;
}

/** A method that may have limits of its own. */
export interface LimitedEntry extends MethodEntry {
  /** The limits that its calls must pass, except the server's concurrency limit; `undefined` when it has none. Rules change it. */
  limits?: readonly Admission[] | undefined;
}

/** What limits are made with. */
export interface CallLimitsParts<Entry extends LimitedEntry> extends LevelLimitsParts {
  /** The server's concurrency limit. It comes last: a call that waits for another limit must not hold one of its places. */
  readonly concurrency: ConcurrencyLimit<Entry>;
  readonly concurrencyMax: ServerConcurrency['max'];
  readonly concurrencyQueue: number;
  readonly overload: ResolvedOverload | undefined;
  readonly rateLimit: ServerRateLimit | undefined;
  readonly perCaller: CallerLimits | undefined;
  /** For dark rules of `overload`, see {@link DarkTurn} (default: always 0). */
  readonly preemptedMs?: (() => number) | undefined;
}

/** How long a server lets handlers hold the event loop. */
export interface OverloadState {
  /** In milliseconds. */
  readonly turnMs: number;
  /** Calls that may wait for the next turn; `undefined`: as many as one turn has time for. */
  readonly queue?: number | undefined;
  readonly from: LimitSource;
}

/** The limits of a server now. */
export interface CallLimitsState {
  /** Limits on calls at once: that of the server first, then those of services and methods that have some. */
  readonly limits: readonly ServerConcurrencyState[];
  /** Limits on calls a second. */
  readonly rates: readonly ServerRateState[];
  /** Limits on the calls at once of each caller. */
  readonly callerLimits: readonly CallerLimitState[];
  /** How long handlers may hold the event loop, and how many calls may wait for the next turn; `undefined` when nobody looks. */
  readonly overload: OverloadState | undefined;
}

/** A service with its methods. */
interface Limited {
  readonly service: LevelLimits;
  readonly methods: ReadonlyMap<string, LevelLimits>;
  readonly entries: LimitedEntry[];
}

/**
 * The limits that a call passes on its way in: those of its method, of its service and of the server. Rate limits come first, because they
 * refuse most. What each method has to pass is one list, made anew when the rules of a service change; a call remembers the one that it has
 * passed, and leaves that.
 */
export class CallLimits<Entry extends LimitedEntry = LimitedEntry> implements Admission<Entry> {
  readonly #parts: CallLimitsParts<Entry>;
  readonly #given: SaidLimits;
  readonly #ofServer: LevelLimits;
  readonly #services = new Map<string, Limited>();
  /** By service, for those that have some. */
  readonly #rules = new Map<string, FollowedRules>();
  #overload: OverloadState | undefined;
  #darkTurns: readonly DarkTurn[] = [];
  #configured: string | undefined;

  constructor(parts: CallLimitsParts<Entry>) {
    this.#parts = parts;
    const { rateLimit, perCaller, overload } = parts;
    this.#given = saidLimits('createServer', { rateLimit, perCaller });
    this.#ofServer = new LevelLimits('the server', this.#given, parts);
    this.#overload = overload && { ...overload, from: 'options' };
  }

  /**
   * Makes the limits of a service, once for all its methods.
   * @returns a function that gives a method what its calls have to pass, now and whenever rules change that
   * @throws TypeError naming option, value and bound, or a method that does not exist
   */
  ofService({ name, methods }: ServiceDefinition, limits: ServiceLimits = {}): (entry: LimitedEntry) => void {
    const where = `server.add: limits of "${name}"`;
    assertKnownOptions(where, limits, ['rateLimit', 'concurrency', 'perCaller', 'methods']);
    const given = limits.methods ?? {};
    assertObject(where, 'methods', given);
    assertKnownOptions(`${where}: methods`, given, Object.keys(methods));
    const { methods: _, ...own } = limits;
    const service = new LevelLimits(name, saidLimits(where, own), this.#parts);
    const ofMethods = Object.keys(methods).map((method) => {
      const its = (Object.hasOwn(given, method) ? given[method] : undefined) ?? {};
      const said = saidLimits(`${where}: methods.${method}`, its);
      return [method, new LevelLimits(`${name}.${method}`, said, this.#parts)] as const;
    });
    const limited: Limited = { service, methods: new Map(ofMethods), entries: [] };
    this.#services.set(name, limited);
    return (entry) => {
      limited.entries.push(entry);
      entry.limits = this.#find(limited, entry.method);
    };
  }

  /**
   * From now on these are the rules of a service; `undefined`: what the options say. A service that was not added is left alone.
   */
  applyRules(service: string, rules: FollowedRules | undefined): void {
    const limited = this.#services.get(service);
    if (limited === undefined) return;
    if (rules === undefined) this.#rules.delete(service);
    else this.#rules.set(service, rules);
    const of = (mode: 'on' | 'dark', method?: string): RuledLimits => {
      if (rules === undefined) return {};
      const from = { service, version: rules.document.version };
      return eachLimit((policy) => {
        const values = valuesOf(rules, policy, mode, method);
        return values && { values, from };
      });
    };
    limited.service.apply(of('on'), of('dark'));
    for (const [method, level] of limited.methods) level.apply(of('on', method), of('dark', method));
    this.#applyToServer();
    for (const each of this.#services.values())
      for (const entry of each.entries) entry.limits = this.#find(each, entry.method);
  }

  enter(call: IncomingCall<Entry>): RpcError | undefined | Promise<RpcError | undefined> {
    const { limits } = call.entry;
    if (limits === undefined) return this.#parts.concurrency.enter(call);
    call.passed = limits;
    return this.#pass(call, limits, 0);
  }

  leave(call: IncomingCall<Entry>, error: unknown): void {
    const passed = call.passed as readonly Admission[] | undefined;
    if (passed !== undefined) for (const limit of passed) limit.leave(call, error);
    this.#parts.concurrency.leave(call, error);
  }

  /** For people and tools: the server's limits first. */
  state(): CallLimitsState {
    const levels = [this.#ofServer, ...this.#levels()];
    return {
      limits: [this.#parts.concurrency.state(), ...levels.flatMap((level) => level.placeStates())],
      rates: levels.flatMap((level) => level.rateStates()),
      callerLimits: levels.flatMap((level) => level.callerStates()),
      overload: this.#overload,
    };
  }

  /** Drops waiting calls that nobody wants an answer to any more; called about once a second. */
  sweep(): void {
    this.#parts.concurrency.sweep();
    for (const level of this.#levels()) level.places?.sweep();
  }

  *#levels(): Iterable<LevelLimits> {
    for (const { service, methods } of this.#services.values()) {
      yield service;
      yield* methods.values();
    }
  }

  #find({ service, methods }: Limited, method: string): readonly Admission[] | undefined {
    const all = [...this.#darkTurns, ...methods.get(method)!.all, ...service.all, ...this.#ofServer.all];
    if (all.length === 0) return undefined;
    const isPlaces = (limit: Admission): boolean => limit === service.places || limit === methods.get(method)!.places;
    return Object.freeze([...all.filter((limit) => !isPlaces(limit)), ...all.filter(isPlaces)]);
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

  #applyToServer(): void {
    const { concurrency, concurrencyMax: max, concurrencyQueue: queue, overload } = this.#parts;
    const given = { ...this.#given, serverConcurrency: { max, queue } };
    const of = (mode: 'on' | 'dark'): RuledLimits =>
      eachLimit((policy) => strictest(this.#rules, policy, mode, given[policy]));
    const { serverConcurrency: places, ...on } = of('on');
    this.#ofServer.apply(on, of('dark'));
    const watchedBy = (mode: 'on' | 'dark') =>
      strictest(this.#rules, 'overload', mode, overload ?? completeValues(POLICIES.overload, {}));
    const turns = watchedBy('on');
    this.#darkTurns = this.#darkTurnsOf(watchedBy('dark'));
    this.#overload = turns === undefined ? overload && { ...overload, from: 'options' } : watched(turns);
    // The server's own limit is there from the start, for it watches turns too.
    const values: ConcurrencyValues = { max, queue, ...places?.values, overload: this.#overload, from: places?.from };
    const key = JSON.stringify(values);
    if (key !== this.#configured) concurrency.configure(values);
    this.#configured = key;
  }

  #darkTurnsOf(ruled: RuledValues | undefined): readonly DarkTurn[] {
    if (ruled === undefined) return [];
    const { clock, preemptedMs, tellDark } = this.#parts;
    const { turnMs } = watched(ruled);
    return [new DarkTurn({ turnMs, clock, preemptedMs, tell: (call) => tellDark(ruled.from, 'overload', call) })];
  }
}

function watched({ values, from }: RuledValues): OverloadState {
  return { turnMs: values['turnMs'] as number, queue: values['queue'] as number | undefined, from };
}

function eachLimit(of: (policy: LimitPolicy) => RuledValues | undefined): RuledLimits {
  return Object.fromEntries(LIMIT_POLICIES.map((policy) => [policy, of(policy)]));
}

/** What options say, checked, by the names of rules. @throws TypeError naming option, value and bound */
function saidLimits(where: string, limits: MethodLimits): SaidLimits {
  assertKnownOptions(where, limits, ['rateLimit', 'concurrency', 'perCaller']);
  const { rateLimit, concurrency, perCaller } = limits;
  if (perCaller !== undefined) assertKnownOptions(`${where}: perCaller`, perCaller, ['rateLimit', 'concurrency']);
  const check = (at: string, policy: LimitPolicy, option: string, given: object | undefined) => {
    if (given === undefined) return undefined;
    resolvePolicy(at, { ...(POLICIES[policy] as PolicyDescription<object>), option }, given);
    return given as Readonly<Record<string, unknown>>;
  };
  return {
    serverRateLimit: check(where, 'serverRateLimit', 'rateLimit', rateLimit),
    serverConcurrency: check(where, 'serverConcurrency', 'concurrency', concurrency),
    callerRateLimit: check(`${where}: perCaller`, 'callerRateLimit', 'rateLimit', perCaller?.rateLimit),
    callerConcurrency: check(`${where}: perCaller`, 'callerConcurrency', 'concurrency', perCaller?.concurrency),
  };
}
