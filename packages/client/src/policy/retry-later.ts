import { isRpcError, type Layer } from '@org/rpc-core';
import { ownOf } from './fold.js';
import { type KeptCallSettings, type KeptCalls, mayBeKept, type RetryLaterValues } from './kept-calls.js';

/** What the layer is made of. */
export interface RetryLaterSettings extends Pick<KeptCallSettings, 'timeoutMs' | 'untilReady'> {
  readonly now: () => RetryLaterValues;
  readonly kept: KeptCalls;
}

/**
 * Keeps a one-way call that certainly was not started for lack of a server or of room, and lets its caller go on. For one-way methods
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
