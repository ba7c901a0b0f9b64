import type { CallOptions, CallPolicyOptions, TimeoutValues } from '@org/rpc-core';
import {
  assertBoolean,
  assertFits,
  assertKnownOptions,
  assertNumber,
  assertObject,
  POLICIES,
  type PolicyDescription,
  PRIORITY_BOUNDS,
  resolvePolicy,
  TIMEOUT_BOUNDS,
} from '@org/rpc-core/internal';

const WHERE = 'call options';

/** What each option of a call must be. */
const CHECKS: { readonly [K in keyof Required<CallOptions>]: (value: unknown) => void } = {
  timeoutMs: checkOf('timeoutMs'),
  attemptTimeoutMs: checkOf('attemptTimeoutMs'),
  idleTimeoutMs: (value) => assertNumber(WHERE, 'idleTimeoutMs', value, TIMEOUT_BOUNDS),
  signal: (value) => assertFits(WHERE, 'signal', 'an AbortSignal', value, isSignal(value)),
  metadata: (value) => assertObject(WHERE, 'metadata', value),
  idempotent: (value) => assertBoolean(WHERE, 'idempotent', value),
  priority: (value) => assertNumber(WHERE, 'priority', value, PRIORITY_BOUNDS),
  hashKey: (value) => assertFits(WHERE, 'hashKey', 'text', value, typeof value === 'string'),
  waitForReady: (value) => assertBoolean(WHERE, 'waitForReady', value),
  onResponse: (value) => assertFits(WHERE, 'onResponse', 'a function', value, typeof value === 'function'),
  retry: policyOf('retry'),
  hedge: policyOf('hedge'),
  throttle: policyOf('throttle'),
  fallback: policyOf('fallback'),
  retryLater: policyOf('retryLater'),
  mirror: policyOf('mirror'),
  fault: policyOf('fault'),
  explain: (value) => assertBoolean(WHERE, 'explain', value),
  onDraining: (value) => assertFits(WHERE, 'onDraining', 'a function', value, typeof value === 'function'),
};

/**
 * Checks the options of a call; one that is `undefined` counts as left out.
 * @returns the same object
 * @throws TypeError naming option, value and bound, and the nearest right name of an unknown one
 */
export function checkedOptions(options: CallOptions): CallOptions {
  assertObject(WHERE, 'options', options);
  for (const name in options) {
    const check = (CHECKS as Readonly<Record<string, ((value: unknown) => void) | undefined>>)[name];
    if (check === undefined || !Object.hasOwn(CHECKS, name)) assertKnownOptions(WHERE, options, Object.keys(CHECKS));
    else {
      const value = (options as Record<string, unknown>)[name];
      if (value !== undefined) check(value);
    }
  }
  return options;
}

/** The check of a policy that a call may be given, or may be put off by `false` for it. */
function policyOf(name: keyof CallPolicyOptions): (value: unknown) => void {
  const policy: PolicyDescription<Record<string, unknown>> = POLICIES[name] as never;
  if (policy.inCall === 'off')
    return (value) => assertFits(WHERE, name, `false, since ${policy.notBy?.call}`, value, value === false);
  return (value) => void resolvePolicy(WHERE, policy, value as Record<string, unknown>);
}

/** The check of a value that a policy describes. */
function checkOf(name: keyof TimeoutValues): (value: unknown) => void {
  const { bounds } = POLICIES.timeout.values[name];
  return (value) => assertNumber(WHERE, name, value, bounds);
}

/** Accepts any implementation: signals of other realms and of polyfills too. */
function isSignal(value: unknown): boolean {
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function';
}
