import { type Call, isRpcError, type Layer, type Outcome, type RetryLaterOptions } from '@org/rpc-core';
import { completeValues, POLICIES } from '@org/rpc-core/internal';
import { type DarkView, ownOf } from './fold.js';
import { type KeptCallSettings, type KeptCalls, mayBeKept, type RetryLaterValues } from './kept-calls.js';

/** What the layer is made of. */
export interface RetryLaterSettings extends Pick<KeptCallSettings, 'timeoutMs' | 'untilReady'> {
  readonly now: () => RetryLaterValues;
  readonly kept: KeptCalls;
}

/**
 * Keeps a one-way call that certainly was not started for lack of a server, of room, or of time to wait for them, and lets its caller go on. For one-way methods
 * only. A call for one given node is not kept: that node may never come back.
 */
export function retryLater({ now, timeoutMs, untilReady, kept }: RetryLaterSettings): Layer {
  return (next) => (call) => {
    const values = ownOf(call)?.retryLater ?? now();
    if (values.max === 0 || call.pinned !== undefined) return next(call);
    // As its caller gave it: what the client adds is asked for again.
    const { metadata } = call;
    return next(call).then(undefined, (error: unknown) => {
      if (!isRpcError(error) || call.signal?.aborted || !mayBeKept(error)) throw error;
      const refusal = kept.keep(call, error, { metadata, values, timeoutMs, untilReady, next });
      if (refusal !== undefined) throw refusal;
    });
  };
}

/** What a dark rule would have done with a one-way call that has failed. */
export function judgeLater(
  call: Call,
  outcome: Outcome,
  { inForce }: DarkView,
  wanted: RetryLaterOptions,
  kept: Pick<KeptCalls, 'size' | 'isRevival'>,
): string | undefined {
  if (!call.oneWay || call.pinned !== undefined || call.signal?.aborted) return undefined;
  if (outcome === undefined || !mayBeKept(outcome) || kept.isRevival(call)) return undefined;
  const now = inForce.retryLater;
  const { max } = completeValues(POLICIES.retryLater, now.max === 0 ? wanted : { ...now, ...wanted });
  const would = kept.size < max;
  if (would === kept.size < now.max) return undefined;
  return would ? 'it would have been kept, and sent later' : 'it would not have been kept';
}
