import { balancerPolicy } from './balancer.js';
import { type BreakerOptions, breakerPolicy } from './breaker.js';
import { type ConcurrencyLimitOptions, concurrencyPolicy } from './concurrency.js';
import { checkPolicy, checkValues, type PolicyDescription, type PolicyLevel } from './description.js';
import { type EjectionOptions, ejectionPolicy } from './ejection.js';
import { type FailureValues, failurePolicy } from './failure.js';
import { type FallbackFunction, type FallbackOptions, fallbackPolicy } from './fallback.js';
import { type FaultOptions, faultPolicy } from './fault.js';
import { type HedgeOptions, hedgePolicy } from './hedge.js';
import { type MirrorOptions, mirrorPolicy } from './mirror.js';
import { type RateLimitOptions, rateLimitPolicy } from './rate-limit.js';
import { type RetryOptions, retryPolicy } from './retry.js';
import { type RetryBudgetOptions, retryBudgetPolicy } from './retry-budget.js';
import { type RetryLaterOptions, retryLaterPolicy } from './retry-later.js';
import { routePolicy } from './route.js';
import {
  callerConcurrencyPolicy,
  callerRateLimitPolicy,
  overloadPolicy,
  serverConcurrencyPolicy,
  serverRateLimitPolicy,
} from './server-limits.js';
import { type SubsetOptions, subsetPolicy } from './subset.js';
import { switchPolicy } from './switch.js';
import { type ThrottleOptions, throttlePolicy } from './throttle.js';
import { type TimeoutValues, timeoutPolicy } from './timeout.js';
import { weightPolicy } from './weight.js';

/** Every policy, in the order in which they are shown. */
export const POLICIES = {
  timeout: timeoutPolicy,
  retry: retryPolicy,
  hedge: hedgePolicy,
  retryBudget: retryBudgetPolicy,
  throttle: throttlePolicy,
  fallback: fallbackPolicy,
  retryLater: retryLaterPolicy,
  mirror: mirrorPolicy,
  fault: faultPolicy,
  rateLimit: rateLimitPolicy,
  concurrency: concurrencyPolicy,
  failure: failurePolicy,
  breaker: breakerPolicy,
  ejection: ejectionPolicy,
  balancer: balancerPolicy,
  subset: subsetPolicy,
  weight: weightPolicy,
  route: routePolicy,
  switch: switchPolicy,
  serverRateLimit: serverRateLimitPolicy,
  serverConcurrency: serverConcurrencyPolicy,
  callerRateLimit: callerRateLimitPolicy,
  callerConcurrency: callerConcurrencyPolicy,
  overload: overloadPolicy,
} as const;

/** Policies for a whole client, a service or a method. For most policies the level nearest to the method counts. */
export interface PolicyOptions extends TimeoutValues, FailureValues {
  /** How failed attempts are retried (default `{ max: 2 }`, only when that is safe); `false`: never. */
  readonly retry?: RetryOptions | false | undefined;
  /** When a slow call is sent a second time, to another node: idempotent methods only. Off unless given. */
  readonly hedge?: HedgeOptions | false | undefined;
  /**
   * When the client itself refuses a part of its calls because servers refuse most of them; `false`: never. Counted for each
   * method.
   */
  readonly throttle?: ThrottleOptions | false | undefined;
  /** The answer to a call that has failed: `{ value }`, or a function that makes it. Off unless given. */
  readonly fallback?: FallbackOptions | FallbackFunction | false | undefined;
  /**
   * Whether one-way calls that could not be sent are kept, and sent when a server can be reached; `true` for the defaults. Their promises
   * resolve when they are kept. Says nothing of methods of other kinds. Off unless given.
   */
  readonly retryLater?: RetryLaterOptions | boolean | undefined;
  /** Which calls are copied to other instances, unseen by their callers. Off unless given. */
  readonly mirror?: MirrorOptions | false | undefined;
  /** Faults injected into calls, for tests and exercises. Off unless given. */
  readonly fault?: FaultOptions | false | undefined;
  /** When calls of a method avoid a node because they fail there; `false`: never. Counted for each node and method. */
  readonly breaker?: BreakerOptions | false | undefined;
  /** Off unless given. Each level that is given applies: client, service, method. Counted in this process. */
  readonly rateLimit?: RateLimitOptions | undefined;
  /** Off unless given. Each level that is given applies: client, service, method. */
  readonly concurrency?: ConcurrencyLimitOptions | undefined;
}

/**
 * Policies for one call, or for all calls through `stub.with(options)`: they go before rules and everything that was configured.
 * Values that are left out are those of the method. What has no meaning for a call, such as `hedge` for a stream, says nothing of it.
 */
export interface CallPolicyOptions {
  /** How failed attempts of the call are retried, only when that is safe; `false`: never. */
  readonly retry?: RetryOptions | false | undefined;
  /** When the call is sent a second time, to another node, if its method is idempotent; `false`: never. */
  readonly hedge?: HedgeOptions | false | undefined;
  /**
   * `false`: the call is sent even while the client refuses a part of its calls because servers refuse most of them. It is counted like
   * the others; what servers take is measured for the method, so a call has no values of its own.
   */
  readonly throttle?: false | undefined;
  /** The answer to the call if it fails: `{ value }`, or a function that makes it; `false`: none. */
  readonly fallback?: FallbackOptions | FallbackFunction | false | undefined;
  /** Whether a one-way call that could not be sent is kept, and sent when a server can be reached; `true` for the defaults. */
  readonly retryLater?: RetryLaterOptions | boolean | undefined;
  /** `false`: the call is not copied to other instances. */
  readonly mirror?: false | undefined;
  /** `false`: no faults are injected into the call. */
  readonly fault?: false | undefined;
}

/** Policies for a service: the policies of a method, and these. */
export interface ServicePolicyOptions extends PolicyOptions {
  /** How much load all retries and hedges together may add to the service. */
  readonly retryBudget?: RetryBudgetOptions | undefined;
  /** When a failing node gets no calls, whatever the method; `false`: never. */
  readonly ejection?: EjectionOptions | false | undefined;
  /**
   * Which part of the instances is used, for services with hundreds of them; `false`: all. Off unless `size` is given: `{ index, of }` alone says
   * only which client this is, for rules that give it.
   */
  readonly subset?: SubsetOptions | false | undefined;
}

/** Policies for a client: those of a service. */
export interface ClientPolicyOptions extends ServicePolicyOptions {}

/** The description of any policy. */
export type AnyPolicy = PolicyDescription<Record<string, unknown>>;

/** Every policy as plain data. */
export const policyList: readonly AnyPolicy[] = Object.values(POLICIES) as unknown as readonly AnyPolicy[];

/** The names of the options that may be given at a level. */
export function policyOptionNames(level: PolicyLevel): string[] {
  return policyList
    .filter(({ levels }) => levels.includes(level))
    .flatMap(({ option, values }) => option ?? Object.keys(values));
}

/**
 * Checks the policies given at a level, and returns them without other options.
 * @throws TypeError naming option, value and bound
 */
export function checkPolicyOptions(
  where: string,
  level: PolicyLevel,
  options: Readonly<Record<string, unknown>>,
): ClientPolicyOptions {
  const checked: Record<string, unknown> = {};
  for (const policy of policyList) {
    if (!policy.levels.includes(level)) continue;
    const { option, values } = policy;
    if (option === undefined) Object.assign(checked, checkValues(where, '', values, options));
    else checked[option] = checkPolicy(where, policy, options[option]);
  }
  return checked as ClientPolicyOptions;
}
