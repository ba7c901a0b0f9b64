/**
 * Who has set a value by which a call was made, the nearest of them: the `call` itself, a `rule` of the registry, `configure` of its client,
 * the `contract`, `createClient`, or nobody (`default`). `served call`: it is what the call being served had left. `share`: nobody has set a time
 * for an attempt, so it got a share of its call's time.
 */
export type SetBy = 'call' | 'rule' | 'configure' | 'contract' | 'createClient' | 'default' | 'served call' | 'share';

/** The time that a call has used up, and who has set it: plain data. */
export interface TimeLimit {
  /** Whether it was that of the call as a whole or that of one attempt. */
  readonly option: 'timeoutMs' | 'attemptTimeoutMs';
  /** What was set, in milliseconds; without {@link setBy} what it came to. */
  readonly ms: number;
  /** `undefined` where that is not known, such as for a deadline that a layer has lowered. */
  readonly setBy: SetBy | undefined;
  /** The version of the rules, where they have set it. */
  readonly rulesVersion: number | undefined;
  /** The same in words: `the timeoutMs of its contract`; `''` where it is not known. */
  readonly text: string;
}

/** A limit of a client that has refused a call: plain data. */
export interface LimitedBy {
  readonly policy: 'rateLimit' | 'concurrency';
  /** Rules, or the options of the client; what is an option of a method counts as those. */
  readonly setBy: 'rule' | 'options';
  /** The version of the rules, where they have set it. */
  readonly rulesVersion: number | undefined;
}

/** By what the calls of a method are made now, for the error of one that has failed. */
export interface CallTerms {
  /** The version of the rules in force; `undefined` for none, or one without a version. */
  readonly rulesVersion: number | undefined;
  readonly timeout: { readonly timeoutMs: number; readonly attemptTimeoutMs?: number | undefined };
  /** Who has set a value, the call's own options aside; `undefined` where that is not known. */
  setBy(policy: 'timeout' | 'retry', value: string): SetBy | undefined;
}
