import type { Call, CallHolder } from '@org/rpc-core';
import type { TimerQueue } from '@org/rpc-core/internal';
import { cancelledError } from '@org/rpc-core/internal';

/** From now on the deadline of a call, and its caller's signal, end it at its holder. */
export function holdCall(call: Call, holder: CallHolder, timers: TimerQueue): void {
  call.holder = holder;
  if (call.attemptDeadline !== Number.POSITIVE_INFINITY) timers.add(call);
  if (call.signal === undefined) return;
  call.onAbort = () => holder.abandon(call, cancelledError(call));
  call.signal.addEventListener('abort', call.onAbort, { once: true });
}

/** Ends what {@link holdCall} began; harmless for a call that nobody holds. */
export function releaseCall(call: Call, timers: TimerQueue): void {
  call.holder = undefined;
  timers.remove(call);
  if (call.onAbort === undefined) return;
  call.signal?.removeEventListener('abort', call.onAbort);
  call.onAbort = undefined;
}
