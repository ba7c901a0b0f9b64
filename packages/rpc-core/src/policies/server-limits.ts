import { assertFits, assertKnownOptions, assertNumber } from '../check.js';
import { type ConcurrencyLimitOptions, concurrencyPolicy } from './concurrency.js';
import type { PolicyDescription } from './description.js';
import { type RateLimitOptions, rateLimitPolicy } from './rate-limit.js';

/** Bounds of an adaptive limit of a server. */
export interface AdaptiveLimitOptions {
  /** Calls at once, 1 to 1,000,000 (default 4). */
  readonly min?: number | undefined;
  /** Calls at once, `min` to 1,000,000 (default 1,000). */
  readonly max?: number | undefined;
  /** The limit at the start, in calls at once (default 20, moved to within `min` and `max`). */
  readonly initial?: number | undefined;
}

/** How many calls of a server, a service or a method may run at once, and how many more may wait. */
export interface ServerConcurrency {
  /** Calls of all connections together, 1 to 1,000,000; or the bounds of a limit that adapts to how long calls take. */
  readonly max: number | { readonly adaptive: AdaptiveLimitOptions };
  /**
   * Calls that may wait for one to end, 0 to 1,000,000 (default 0). Higher priorities go first; callers of equal priority take turns. A call
   * whose deadline has passed, or whose caller has given up, does not run.
   */
  readonly queue?: number | undefined;
}

/** What a server does under overload. */
export interface OverloadOptions {
  /** How long handlers may hold the event loop in one turn, 10 to 10,000 ms (default 100); after that no further call begins in it. */
  readonly turnMs?: number | undefined;
  /** Calls that may wait for the next turn, 0 to 1,000,000 (default: 1,000, or as many as a whole turn has time for, if that is more). */
  readonly queue?: number | undefined;
}

/** What servers do by rules alone is described here; what their options say is the same under other names. */
const OF_SERVERS = { side: 'server', option: undefined, levels: ['rule'], applies: 'each', isOptIn: true } as const;

const rates = {
  perSecond: { ...rateLimitPolicy.values.perSecond, text: 'calls per second in the long run, of all callers together' },
  burst: rateLimitPolicy.values.burst,
  wait: {
    type: 'boolean',
    default: false,
    text: 'a call waits for its turn if that comes before its deadline, at most 1,000 of them; `false`: it is refused at once',
  },
} as const;

/** Calls per second of a service, of its methods, and of a whole server. */
export const serverRateLimitPolicy: PolicyDescription<RateLimitOptions> = {
  ...OF_SERVERS,
  name: 'serverRateLimit',
  rule: 'server',
  values: rates,
};

/** The same of each caller by itself. */
export const callerRateLimitPolicy: PolicyDescription<RateLimitOptions> = {
  ...OF_SERVERS,
  name: 'callerRateLimit',
  rule: 'server',
  values: { ...rates, perSecond: { ...rates.perSecond, text: 'the same of each caller' } },
};

/** Calls of a service, of its methods, and of a whole server that run at once. */
export const serverConcurrencyPolicy: PolicyDescription<ServerConcurrency> = {
  ...OF_SERVERS,
  name: 'serverConcurrency',
  rule: 'server',
  values: {
    max: {
      type: 'any',
      isRequired: true,
      check: (where, path, value) => checkMax(where, path, value),
      text: 'calls that run at once in a server, 1 to 1,000,000; or `{ adaptive: { min, max, initial } }`, a bound that follows from how long calls take',
    },
    queue: concurrencyPolicy.values.queue,
  },
};

/** Calls of each caller that run at once. */
export const callerConcurrencyPolicy: PolicyDescription<Pick<ConcurrencyLimitOptions, 'max'>> = {
  ...OF_SERVERS,
  name: 'callerConcurrency',
  rule: 'server',
  values: { max: { ...concurrencyPolicy.values.max, text: 'calls of each caller that run at once' } },
};

/** What a server does when handlers hold the event loop. */
export const overloadPolicy: PolicyDescription<OverloadOptions> = {
  ...OF_SERVERS,
  name: 'overload',
  rule: 'service',
  values: {
    turnMs: {
      type: 'number',
      bounds: { min: 10, max: 10_000 },
      default: 100,
      text: 'handlers may hold the event loop for so long in one turn; then no further call begins in it. For all services of the server. See [overload](overload.md)',
    },
    queue: {
      type: 'number',
      bounds: { min: 0, max: 1_000_000, integer: true },
      defaultText: '1,000, or as many as a whole turn has time for',
      text: 'calls that may wait for the next turn',
    },
  },
};

const CALLS = { min: 1, max: 1_000_000, integer: true };

function checkMax(where: string, path: string, max: unknown): void {
  if (typeof max !== 'object' || max === null) return assertNumber(where, path, max, CALLS);
  assertKnownOptions(`${where}: ${path}`, max, ['adaptive']);
  const { adaptive } = max as { readonly adaptive: AdaptiveLimitOptions };
  assertKnownOptions(`${where}: ${path}.adaptive`, adaptive, ['min', 'max', 'initial']);
  for (const name of ['min', 'max', 'initial'] as const) {
    const value = adaptive[name];
    if (value !== undefined) assertNumber(where, `${path}.adaptive.${name}`, value, CALLS);
  }
  const { min = 1, max: most = CALLS.max } = adaptive;
  assertFits(where, `${path}.adaptive.max`, 'at least its min', most, most >= min);
}
