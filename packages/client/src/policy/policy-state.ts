/** A rate limit now. */
export interface RateState {
  /** Calls a second in the long run, and at once. */
  readonly perSecond: number;
  readonly burst: number;
  /** Calls that wait for their turn. */
  readonly waiting: number;
}

/** A limit on calls at once, now. */
export interface ConcurrencyState {
  readonly max: number;
  /** Calls that may wait. */
  readonly queue: number;
  /** Calls under way. */
  readonly active: number;
  /** Calls that wait. */
  readonly waiting: number;
}

/** The limits of a client, a service or a method; what was not given is `undefined`. */
export interface LimitState {
  readonly rate: RateState | undefined;
  readonly concurrency: ConcurrencyState | undefined;
}

/** What all repeats of a service's calls share, now. */
export interface RetryBudgetState {
  /** Repeats that the calls of late have earned and that could be made now; few calls may make one now and then beyond that. */
  readonly left: number;
  /** Repeats in flight, and those that wait for a place among them. */
  readonly inFlight: number;
  readonly waiting: number;
}

/** One-way calls of a service that are kept and sent later, now. */
export interface KeptCallsState {
  /** Calls that are kept, the one that is being sent included. */
  readonly calls: number;
  /** Of their arguments and metadata. */
  readonly bytes: number;
  /** For how long the oldest of them has been kept, in milliseconds; 0 for none. */
  readonly oldestMs: number;
  /** Calls that were kept and have been sent. */
  readonly sent: number;
  /** Calls that were kept and have been given up: the event `dropped` says why. */
  readonly dropped: number;
}

/** What speaks against a node now, besides its connection. */
export interface NodeHealthState {
  /** Methods whose breaker is open, and how long until a trial call, in milliseconds. */
  readonly breakers: readonly { readonly method: string; readonly trialInMs: number }[];
  /** Methods that it denies and its peers do not. */
  readonly denies: readonly string[];
  /** Left alone for all methods, until a trial call. */
  readonly ejected: { readonly trialInMs: number } | undefined;
  /** For how long, and how often, calls to it have failed since the last success. */
  readonly failing: { readonly forMs: number; readonly failures: number } | undefined;
  /** The same of methods that fail while others of the node are answered: only their own calls go elsewhere. */
  readonly failingMethods: readonly { readonly method: string; readonly forMs: number; readonly failures: number }[];
}
