import type { Call, Explanation, MethodDefinition, MethodRef, Service, StreamService } from '@org/rpc-core';
import type { BreakerValues } from './policy/breaker-group.js';
import type { CallObserver } from './policy/call-observer.js';
import type { Limiters } from './policy/limiters.js';
import type { MethodLimits } from './policy/method-limits.js';
import type { Throttle } from './policy/throttle.js';
import type { LivePolicy } from './rules/live-policy.js';

/** The first list of a service, which a client that has just begun does not have yet. */
export interface FirstList {
  /** Whether the registry has answered, or a server takes calls already; a list of an earlier run alone is no answer. */
  readonly isKnown: boolean;
  /** Resolves when it has. @throws RpcError of a wait that ended with its call */
  untilKnown(call: Call): Promise<void>;
}

/** One method on one client: its names, its options after every precedence but the call's own, and its stack. */
export interface ClientMethod extends MethodRef {
  readonly definition: MethodDefinition;
  readonly oneWay: boolean;
  /** Its timeouts and retries, with the rules that are in force. */
  readonly policy: LivePolicy;
  readonly idempotent: boolean;
  readonly priority: number;
  /** Arguments that a server's handler declares; 0 when none has said so, or a call with fewer was told of. */
  argumentsLeast: number;
  /** Whether it was called, not only prepared. */
  isCalled: boolean;
  readonly owner: {
    /** Whether its service was let go meanwhile, so that its name must be looked up anew. */
    readonly isResting: boolean;
    /** What an attempt finds now. */
    explain(call: Call): Explanation;
  };
  /** Tells those who watch what becomes of its calls. */
  readonly observer: CallObserver;
  /** Whether something above the gates of its calls may end them: a user's layers, the metadata function. */
  readonly mayEndAbove: boolean;
  /** Its own limits, and what it refuses of its attempts. */
  readonly limiters: Limiters;
  /** Those and the ones that it shares, with the rules that hold. */
  readonly limits: Pick<MethodLimits, 'refresh'>;
  readonly throttle: Throttle;
  /** What is known of the service's servers. */
  readonly list: FirstList;
  /** The composed stack: see stack.ts. */
  readonly serve: Service;
  /** The same for a method with streams, which `serve` then knows nothing of; `undefined` for all others. */
  readonly stream: StreamService | undefined;
}

/** The priority of a call that says nothing: in the middle of 0 to 255. */
export const DEFAULT_PRIORITY = 128;

/** What a method of which nothing is known is like: called by name, without a contract. */
export const UNKNOWN_METHOD: MethodDefinition = Object.freeze({
  kind: 'unary',
  idempotent: false,
  timeoutMs: undefined,
  priority: undefined,
  args: undefined,
  returns: undefined,
});

/** What holds for the breakers of a method, where the reference is that of a client's method; others leave it to the group. */
export function breakerValuesOf(ref: MethodRef & Partial<ClientMethod>): (() => BreakerValues) | undefined {
  const { policy } = ref;
  return policy && (() => policy.now.breaker);
}
