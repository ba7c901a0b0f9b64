import { type Call, type FallbackOptions, isRpcError, type Layer, type Outcome, type RpcError } from '@org/rpc-core';
import { type Complete, surface } from '@org/rpc-core/internal';
import { type DarkView, ownOf } from './fold.js';
import { classify } from './outcome.js';

/** What holds for the fallback of a method; `enabled` is false when there is none. */
export type FallbackValues = Complete<FallbackOptions, 'value' | 'from' | 'when'>;

/** A call was answered by its fallback; for observers. */
export interface FallbackEvent {
  readonly service: string;
  readonly method: string;
  /** What it would have failed with. */
  readonly error: RpcError;
}

/**
 * Answers a call that has failed with a value, or with what a function makes. Outside of everything that can fail a call: it holds
 * for limits, deadlines and attempts alike. What a handler refuses for its meaning is an answer, and stays one.
 */
export function fallback(now: () => FallbackValues, onFallback: (event: FallbackEvent) => void): Layer {
  return (next) => (call) => {
    const values = ownOf(call)?.fallback ?? now();
    if (!values.enabled) return next(call);
    return next(call).then(undefined, (error: unknown) => replace(call, error, values, onFallback));
  };
}

async function replace(
  call: Call,
  thrown: unknown,
  { value, from, when = isTrouble }: FallbackValues,
  onFallback: (event: FallbackEvent) => void,
): Promise<unknown> {
  const { service, method, args, metadata, signal } = call;
  if (!isRpcError(thrown) || signal?.aborted) throw thrown;
  try {
    if (!when(thrown)) throw thrown;
    const answer = from === undefined ? value : await from(thrown, { service, method, args, metadata });
    onFallback({ service, method, error: thrown });
    return answer;
  } catch (error) {
    if (error !== thrown) surface(error);
    throw thrown;
  }
}

/** What a dark rule would have made of a call that has ended. */
export function judgeFallback(
  outcome: Outcome,
  { inForce: { fallback: inForce } }: DarkView,
  wanted: Partial<FallbackOptions>,
): string | undefined {
  if (outcome === undefined || outcome.code === 'CANCELLED' || !(inForce.when ?? isTrouble)(outcome)) return undefined;
  const isWanted = wanted.enabled !== false;
  if (isWanted === inForce.enabled) return undefined;
  return isWanted ? 'its failure would have been answered' : 'its failure would not have been answered';
}

/** Whether an error is about servers, the network or limits, and not about the request. */
function isTrouble(error: RpcError): boolean {
  const { code } = error;
  if (code === 'RESOURCE_EXHAUSTED' || code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED') return true;
  return classify(error) === 'failure';
}
