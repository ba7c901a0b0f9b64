/** What becomes of a rule: not looked at, evaluated and only told of, or applied. */
export type RuleMode = 'off' | 'dark' | 'on';

/** The kinds of rules that a document may hold, one of each. */
export type RulePolicy = 'timeout' | 'retry' | 'weight' | 'switch';

/** For whom a rule is. */
export interface RuleScope {
  readonly mode: RuleMode;
  /** The share of the clients that it is for, 0 to 100 with at most two decimals (default 100); by name, so it stays the same. */
  readonly percent: number;
}

/** How long calls may take; what is left out stays as it is. */
export interface TimeoutValues {
  /** Of a call, all its attempts included, in milliseconds, 1 to 2^31 - 1. */
  readonly timeoutMs?: number | undefined;
  /** Of one attempt, in milliseconds, 1 to 2^31 - 1. */
  readonly attemptTimeoutMs?: number | undefined;
}

/** Replaces timeouts, of all methods and of single ones. */
export interface TimeoutRule extends RuleScope, TimeoutValues {
  readonly methods: Readonly<Record<string, TimeoutValues>>;
}

/** How often failed attempts are repeated; what is left out stays as it is. */
export interface RetryValues {
  /** Attempts after the first, 0 to 10. */
  readonly max?: number | undefined;
}

/** Replaces the number of retries, of all methods and of single ones. */
export interface RetryRule extends RuleScope, RetryValues {
  readonly methods: Readonly<Record<string, RetryValues>>;
}

/** Replaces the weights of endpoints. */
export interface WeightRule extends RuleScope {
  /** By instance id or by `host:port`, of which the id goes first; 0 to 10,000. */
  readonly endpoints: Readonly<Record<string, number>>;
}

/** Whether a method may be called. */
export interface MethodSwitch {
  readonly enabled: boolean;
  /** Told to callers while it is off: why, and what to do; at most 500 characters. */
  readonly message?: string | undefined;
  /** When callers may try again, in milliseconds, 0 to 2^31 - 1. */
  readonly retryAfterMs?: number | undefined;
}

/** Switches methods off. */
export interface SwitchRule extends RuleScope {
  readonly methods: Readonly<Record<string, MethodSwitch>>;
}

/** The rules of one service: checked, complete, and immutable. One document replaces the one before as a whole. */
export interface RulesDocument {
  readonly schemaVersion: 1;
  /** Counted by the registry: 1 for the first document of a service, and 1 more with each that is set. */
  readonly version: number;
  /** Who has set it and why, at most 500 characters. */
  readonly comment?: string | undefined;
  readonly timeout?: TimeoutRule | undefined;
  readonly retry?: RetryRule | undefined;
  readonly weight?: WeightRule | undefined;
  readonly switch?: SwitchRule | undefined;
}

/** In the order in which they are shown. */
export const RULE_POLICIES: readonly RulePolicy[] = Object.freeze(['timeout', 'retry', 'weight', 'switch']);
