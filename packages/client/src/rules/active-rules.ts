import type { MethodSwitch, RetryValues, RuleMode, RulePolicy, RulesDocument, TimeoutValues } from '@org/rpc-core';
import { RULE_POLICIES, ruleModeFor } from '@org/rpc-core/internal';
import { type Endpoint, endpointAddress } from '@org/rpc-registry';

/** A document of rules as it concerns one client. Immutable: another document makes another one. */
export interface ActiveRules {
  readonly document: RulesDocument;
  /** What each policy is for this client. */
  readonly modes: Readonly<Record<RulePolicy, RuleMode>>;
}

/** Finds out what a document is for an instance. */
export function activeRules(document: RulesDocument, instance: string, service: string): ActiveRules {
  return Object.freeze({
    document,
    modes: modesOf((policy) => ruleModeFor(document[policy], instance, service, policy)),
  });
}

/** One mode for each policy. */
export function modesOf(mode: (policy: RulePolicy) => RuleMode): Readonly<Record<RulePolicy, RuleMode>> {
  return Object.freeze(Object.fromEntries(RULE_POLICIES.map((policy) => [policy, mode(policy)]))) as Readonly<
    Record<RulePolicy, RuleMode>
  >;
}

/** The timeouts that a document wants for a method. What is said for all methods is not meant for streams: it would cut them. */
export function wantedTimeouts({ timeout }: RulesDocument, method: string, isStream: boolean): TimeoutValues {
  const own = timeout?.methods[method];
  return {
    timeoutMs: own?.timeoutMs ?? (isStream ? undefined : timeout?.timeoutMs),
    attemptTimeoutMs: own?.attemptTimeoutMs ?? timeout?.attemptTimeoutMs,
  };
}

/** The retries that a document wants for a method. */
export function wantedRetries({ retry }: RulesDocument, method: string): RetryValues {
  return { max: retry?.methods[method]?.max ?? retry?.max };
}

/** How a document switches a method off; `undefined` when it is on. */
export function wantedSwitch(document: RulesDocument, method: string): MethodSwitch | undefined {
  const found = document.switch?.methods[method];
  return found === undefined || found.enabled ? undefined : found;
}

/** The weight that a document wants for an endpoint: by its id, else by its address. */
export function wantedWeight(document: RulesDocument, endpoint: Endpoint): number | undefined {
  const endpoints = document.weight?.endpoints;
  return endpoints?.[endpoint.id] ?? endpoints?.[endpointAddress(endpoint)];
}
