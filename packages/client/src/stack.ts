import type {
  ClientPolicyOptions,
  Clock,
  Gate,
  Layer,
  Limits,
  LoopWatch,
  Metadata,
  MethodDefinition,
  PolicyOptions,
  Random,
  Service,
  ServicePolicyOptions,
  StreamLayer,
} from '@org/rpc-core';
import { fuseGates, isStreamKind, stack, surface, Waits, wireName } from '@org/rpc-core/internal';
import type { Codec } from '@org/rpc-wire';
import { completeRefusal } from './attempts/complete-error.js';
import { hedge } from './attempts/hedge.js';
import { mirror } from './attempts/mirror.js';
import { retry } from './attempts/retry.js';
import type { TroubleTally } from './attempts/trouble-tally.js';
import { type ClientMethod, DEFAULT_PRIORITY } from './client-method.js';
import type { Emit } from './nodes/announcer.js';
import type { Balancer } from './nodes/balancer.js';
import { admission, type Refuse } from './policy/admission.js';
import { CallObserver } from './policy/call-observer.js';
import { ConcurrencyLimit } from './policy/concurrency-limit.js';
import { credentials } from './policy/credentials.js';
import { judgeFailure } from './policy/failure.js';
import { fallback } from './policy/fallback.js';
import { fault } from './policy/fault.js';
import { ownOf } from './policy/fold.js';
import { KeptCalls } from './policy/kept-calls.js';
import { Limiters } from './policy/limiters.js';
import { MethodLatency } from './policy/method-latency.js';
import { MethodLimits } from './policy/method-limits.js';
import { belongsTo, showCaller } from './policy/name-call.js';
import { RetryBudget } from './policy/retry-budget.js';
import { retryLater } from './policy/retry-later.js';
import { Throttle } from './policy/throttle.js';
import { attemptDeadline } from './policy/timeout.js';
import { userLayers } from './policy/user-layers.js';
import { LivePolicy } from './rules/live-policy.js';
import { moveOnce, type OnMove, openWith, streamAttempt, streamLayers } from './stream/compose-stream.js';

/** What the stacks of one client are made of: its options, checked and complete. */
export interface StackOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The name that the client was given. */
  readonly caller?: string | undefined;
  readonly codec: Codec;
  readonly limits: Limits;
  readonly layers: readonly Layer[];
  readonly streamLayers: readonly StreamLayer[] | undefined;
  readonly metadata: Metadata | (() => Metadata | Promise<Metadata>) | undefined;
  /** What holds for all services. */
  readonly policy: ClientPolicyOptions;
  /** What holds for some, by name. */
  readonly services: ReadonlyMap<
    string,
    {
      readonly definition: { readonly name: string };
      readonly policy: ServicePolicyOptions;
      readonly methods: Readonly<Record<string, PolicyOptions>>;
    }
  >;
}

/** What the stacks of one client share. */
export interface SharedParts {
  readonly options: StackOptions;
  readonly emit: Emit;
  readonly limiters: Limiters;
  /** One-way calls that are sent later. Closed with the client. */
  readonly kept: KeptCalls;
  /** Tells those who watch this process. */
  readonly observer: CallObserver;
  /** Every wait of every call, for the end of the client. */
  readonly waits: Waits;
  /** Counts what goes wrong. */
  readonly troubles: TroubleTally;
  /** Knows when this process was busy. */
  readonly loop?: LoopWatch | undefined;
  /** By service. */
  readonly services: Map<string, { readonly limiters: Limiters; readonly budget: RetryBudget }>;
}

/** Makes what the stacks of a client share. @throws TypeError naming a wrong limit */
export function createSharedParts(
  options: StackOptions,
  emit: Emit,
  troubles: TroubleTally,
  loop?: LoopWatch,
): SharedParts {
  const limiters = new Limiters('createClient', 'this client', options.policy, options.clock);
  for (const { definition, policy, methods } of options.services.values()) {
    // Made once to be checked now, not with the first call.
    new Limiters(`configure(${definition.name})`, definition.name, policy, options.clock);
    for (const [method, own] of Object.entries(methods))
      new Limiters(`configure(${definition.name}): ${method}`, method, own, options.clock);
  }
  const observer = new CallObserver(options.clock);
  const kept = new KeptCalls(options, {
    sent: (event) => emit('retriedLater', event),
    dropped: (event) => emit('dropped', event),
  });
  return { options, emit, limiters, kept, observer, waits: new Waits(), troubles, loop, services: new Map() };
}

/**
 * Assembles the stack of one method: the one place that knows the order, each part with the reason for its place.
 * All forward synchronously where they have nothing to do: a default call that succeeds has one promise, made by its connection.
 */
export function composeMethod(
  client: SharedParts,
  balancer: Balancer,
  method: string,
  definition: MethodDefinition,
): ClientMethod {
  const { service } = balancer;
  const { clock, layers, metadata, random } = client.options;
  const ofService = serviceParts(client, service);
  const ownLimits = new Limiters('createClient', `${service}.${method}`, ownOptions(client, service, method), clock);
  const levels = { method: ownLimits, service: ofService.limiters, client: client.limiters, budget: ofService.budget };
  const limits = new MethodLimits(method, levels, balancer.rules, client.troubles);
  const isStream = isStreamKind(definition.kind);
  const throttle: Throttle = new Throttle({ now: () => policy.now.throttle, clock, random });
  const policy: LivePolicy = livePolicyOf(client, balancer, method, definition, { limits, throttle });

  const callGate = fuseGates([
    outcomeWatch(client), // Entered first, so settled last: it sees the call when everything about it is known, refusals included.
    ...limits.now.filter((limit) => limit instanceof ConcurrencyLimit), // A permit for each user call, however many attempts: retries must not multiply concurrency.
    ofService.budget, // Each user call earns its share of retries, whether it is retried or not.
  ]);
  const latency = new MethodLatency();
  const own = { client, balancer, policy, budget: ofService.budget, latency, throttle, refuse: refuseWith(clock) };
  const attemptGate = attemptGateOf(own, isStream);
  const parts: (Layer | Asked)[] = [
    // Inside the user's layers, which see one outcome. Outside of all that can fail a call, an expired deadline too.
    ...(isStream ? [] : [asked(fallbacks(own))]),
    // Above the metadata and all limits: what is sent later passes them again. Below the fallback, which answers what cannot be kept.
    ...(definition.kind === 'notify' ? [asked(laters(own))] : []),
    ...(metadata === undefined ? [] : [credentials(metadata, clock)]), // Above the scopes: a failing source ends the call before it counts.
    callScope(callGate, policy), // Above limits and retry: one record and one permit for each user call. Rules refuse here, before anything is taken.
    limits.now.length > 0 ? admission(limits, own.refuse) : asked(admission(limits, own.refuse)), // Above retry: a call waits its turn once. Within the deadline.
    ...(isStream ? [] : [asked(mirrors(own)), asked(faults(own))]), // Once for a call, whatever becomes of its attempts; a mirror is made of what is let in, and of what fails on purpose.
    // Above balance: each attempt picks again. A stream is never repeated, only its opening may move.
    isStream ? moveOnce(clock, balancer, tellsMove(own)) : retries(own),
    ...(isStream ? [] : [asked(hedges(own))]), // Below retry: what fails in all its attempts is repeated. Above the scope: each of them has its own deadline and record.
    isStream
      ? streamAttempt(attemptGate, client.observer)
      : attemptScope(attemptGate, { clock, policy, latency, observer: client.observer }), // Below retry: leaves time for another attempt.
  ];
  // Innermost: turns a call without a destination into one with. Below it only the node and its connection.
  const inner = usualOrAll(parts, balancer.call, policy);
  // Outermost: a user's layers see the call as the user made it, and its one outcome.
  const serve = stack(isStream ? [] : userLayers(layers), inner);
  return {
    service,
    method,
    definition,
    wireName: wireName(service, method),
    waits: client.waits,
    caller: client.options.caller,
    terms: policy,
    loop: client.loop,
    oneWay: definition.kind === 'notify',
    policy,
    idempotent: definition.idempotent,
    priority: definition.priority ?? DEFAULT_PRIORITY,
    argumentsLeast: 0,
    isCalled: false,
    owner: balancer,
    list: balancer,
    observer: client.observer,
    limiters: ownLimits,
    limits,
    throttle,
    mayEndAbove: layers.length > 0 || metadata !== undefined,
    serve,
    stream: isStream ? streamLayers(client.options.streamLayers ?? [], openWith(serve)) : undefined,
  };
}

/** A layer that does nothing for the calls of a method unless somebody has asked for it, see {@link MethodPolicy.isUsual}. */
interface Asked {
  readonly asked: Layer;
}

function asked(layer: Layer): Asked {
  return { asked: layer };
}

/** The stack, twice: a call of a method for which none of these layers was asked for passes by them at the price of one look. */
function usualOrAll(parts: readonly (Layer | Asked)[], innermost: Service, policy: LivePolicy): Service {
  const usual = stack(
    parts.flatMap((part) => ('asked' in part ? [] : [part])),
    innermost,
  );
  if (parts.every((part) => !('asked' in part))) return usual;
  const all = stack(
    parts.map((part) => ('asked' in part ? part.asked : part)),
    innermost,
  );
  return (call) => (policy.now.isUsual && call.own === undefined ? usual(call) : all(call));
}

/** What the stack of one method has for itself, and what it shares. */
interface OwnParts {
  readonly client: SharedParts;
  readonly balancer: Balancer;
  readonly policy: LivePolicy;
  /** What all repeats share. */
  readonly budget: RetryBudget;
  readonly latency: MethodLatency;
  readonly throttle: Throttle;
  readonly refuse: Refuse;
}

/** Ends calls that are not started. */
function refuseWith(clock: Clock): Refuse {
  return (call, error) => {
    call.endedAt = clock.now();
    const final = showCaller(completeRefusal(call, error));
    call.settleCall(final);
    return Promise.reject(final);
  };
}

/** What is counted for each attempt. */
function attemptGateOf({ client, balancer, policy, latency, throttle }: OwnParts, isStream: boolean): Required<Gate> {
  return fuseGates([
    ...(isStream ? [] : [throttle]), // Entered first: what it refuses is no attempt, and says nothing of any node.
    ...(isStream ? [] : [latency]), // Of each attempt, also of those that were given up: the next ones are given more time.
    // Below retry: latency, breaker and probe judge a node by each attempt, timeouts and refusals included.
    nodeRecord(balancer, policy, client.observer),
    ...(isStream ? [] : [latency.excuse]), // Settled first: what a caller's short deadline ends is held against no node.
  ]);
}

/** Another answer for what has failed, where one is given. */
function fallbacks({ client, policy }: OwnParts): Layer {
  return fallback(
    () => policy.now.fallback,
    (event) => client.emit('fellBack', event),
  );
}

/** One-way calls that are kept and sent later, where that is said. */
function laters({ client, balancer, policy }: OwnParts): Layer {
  return retryLater({
    now: () => policy.now.retryLater,
    timeoutMs: () => policy.now.timeout.timeoutMs,
    untilReady: (call) => balancer.untilReady(call),
    kept: client.kept,
  });
}

/** Calls that are made a second time elsewhere, where that is said. */
function mirrors({ client, balancer, policy }: OwnParts): Layer {
  const { clock, random } = client.options;
  return mirror({
    now: () => policy.now.mirror,
    clock,
    random,
    offer: (call) => balancer.offer(call),
    onMirror: (event) => client.emit('mirrored', event),
  });
}

/** Faults on purpose, where they are said. */
function faults({ client, policy, refuse }: OwnParts): Layer {
  const { clock, random } = client.options;
  return fault({ now: () => policy.now.fault, clock, random, refuse });
}

/** Repeats of what has failed. */
function retries({ client, balancer, budget, policy }: OwnParts): Layer {
  const { clock, random } = client.options;
  return retry({
    get max() {
      return policy.now.retry.max;
    },
    budget,
    clock,
    random,
    onRetry: (event) => {
      client.troubles.repeated('retried', event, policy.setBy('retry', 'max') === 'rule' ? 'retry' : undefined);
      client.emit('retried', event);
    },
    readyCount: () => balancer.readyCount,
    mayBeAnswered: (call) => balancer.mayBeAnswered(call),
    isClosed: () => balancer.isClosed,
    leftOut: (call) => balancer.leftOut(call),
  });
}

/** The opening of a stream that is moved is told of like any other repeat. */
function tellsMove({ client }: OwnParts): OnMove {
  return ({ service, method, attempt }, { destination }, { code }) =>
    client.emit('retried', {
      ...{ service, method, attempt, code, delayMs: 0 },
      endpoint: destination?.address ?? '',
      instance: destination?.instance,
    });
}

/** A second attempt beside a slow one, for the methods of which it is said. */
function hedges({ client, balancer, budget, policy, latency, throttle }: OwnParts): Layer {
  return hedge({
    now: () => policy.now.hedge,
    percentileMs: (percent, now) => latency.percentileMs(percent, now),
    earlyMs: (attempt, now) => (balancer.isSlow(attempt, now) ? latency.halfUsualMs : undefined),
    budget,
    clock: client.options.clock,
    readyCount: () => balancer.readyCount,
    isOverloaded: () => throttle.share > 0,
    onHedge: (event) => {
      client.troubles.repeated('hedged', event, policy.now.rules?.modes.hedge === 'on' ? 'hedge' : undefined);
      client.emit('hedged', event);
    },
  });
}

/** Lets the node see how an attempt ended, and what that says of it. */
function nodeRecord(balancer: Balancer, policy: LivePolicy, observer: CallObserver): Gate {
  return {
    settle(call, outcome) {
      if (call.root.observed !== undefined) observer.attemptEnds(call, outcome);
      const { failureWhen } = policy.now.failure;
      if (failureWhen === undefined || outcome === undefined) balancer.settle(call, outcome);
      else balancer.settle(call, outcome, judgeFailure(outcome, failureWhen));
    },
  };
}

/** Lets whoever made the call, and whoever watches, see its outcome before its promise settles. */
function outcomeWatch({ emit, observer, troubles }: SharedParts): Gate {
  return {
    settle(call, outcome) {
      if (call.observed !== undefined) observer.ends(call, outcome);
      if (outcome !== undefined) troubles.failed(call, outcome);
      // Without an attempt it was a limit of this client, not one of a connection.
      const isLimited = outcome?.code === 'RESOURCE_EXHAUSTED' && outcome.progress === 'unsent';
      if (isLimited && (call.attempts === undefined || call.attempts.at(-1)?.endpoint === '')) {
        emit('limited', { service: call.service, method: call.method, error: outcome });
      }
      const { onSettled } = call;
      if (onSettled === undefined) return;
      // After a failure a user's layer may call again: the answer may still come.
      if (outcome === undefined) call.onSettled = undefined;
      try {
        onSettled(call, outcome);
      } catch (error) {
        surface(error);
      }
    },
  };
}

/** What `configure` was told of a method alone. */
function ownOptions({ options }: SharedParts, service: string, method: string): PolicyOptions {
  return options.services.get(service)?.methods[method] ?? {};
}

/** What the client was told of a method, the nearest first, under the rules of its service. */
function livePolicyOf(
  client: SharedParts,
  { service, rules }: Balancer,
  method: string,
  definition: MethodDefinition,
  { limits, throttle }: { readonly limits: MethodLimits; readonly throttle: Throttle },
): LivePolicy {
  const ofService = client.options.services.get(service);
  const sources = [
    { options: ownOptions(client, service, method), isOwn: true, setBy: 'configure' },
    { options: ofService?.policy ?? {}, isOwn: false, setBy: 'configure' },
    { options: definition, isOwn: true, setBy: 'contract' },
    { options: client.options.policy, isOwn: false, setBy: 'createClient' },
  ] as const;
  return new LivePolicy(
    { service, method, isStream: isStreamKind(definition.kind), isOneWay: definition.kind === 'notify', sources },
    rules,
    client.options.random,
    limits,
    { throttle, kept: client.kept, troubles: client.troubles },
  );
}

function serviceParts(client: SharedParts, service: string): { limiters: Limiters; budget: RetryBudget } {
  let parts = client.services.get(service);
  if (parts === undefined) {
    const { services, clock, policy } = client.options;
    parts = {
      limiters: new Limiters(`configure(${service})`, `service ${service}`, services.get(service)?.policy ?? {}, clock),
      budget: new RetryBudget('createClient', {
        ...policy.retryBudget,
        ...services.get(service)?.policy.retryBudget,
      }),
    };
    client.services.set(service, parts);
  }
  return parts;
}

/** Enters the fused gates of the call: what is counted once for each call that a user makes, whatever becomes of it. */
export function callScope(gate: Required<Gate>, policy: LivePolicy): Layer {
  return (next) => (call) => {
    const { rule, router } = policy.now;
    if (router !== undefined) call.subset = router.choose(call);
    const refusal = rule?.refusal() ?? gate.enter(call);
    if (refusal !== undefined) return Promise.reject(belongsTo(call, refusal));
    call.callGate = rule === undefined ? gate : rule.around(gate, call);
    return next(call);
  };
}

/** What an attempt is bounded by. */
export interface AttemptBounds {
  readonly clock: Clock;
  /** The retries that the method allows, and the timeout of an attempt. */
  readonly policy: LivePolicy;
  /** How slow the method's answers are. */
  readonly latency: MethodLatency;
  readonly observer: CallObserver;
}

/** Sets the deadline of each attempt and enters its fused gates. */
export function attemptScope(gate: Required<Gate>, bounds: AttemptBounds): Layer {
  const { clock, policy, latency, observer } = bounds;
  return (next) => (call) => {
    const { retry, timeout } = policy.now;
    const now = call.attempt === 0 && !call.hasWaited ? call.createdAt : clock.now();
    call.attemptDeadline = attemptDeadline(
      call,
      now,
      (ownOf(call)?.retry ?? retry).max - call.attempt,
      call.attemptTimeoutMs ?? timeout.attemptTimeoutMs,
      latency.slowMs(now),
    );
    const refusal = gate.enter(call);
    if (refusal !== undefined) return Promise.reject(refusal);
    call.attemptGate = gate;
    if (call.root.observed !== undefined) observer.attemptStarts(call, now);
    return next(call);
  };
}
