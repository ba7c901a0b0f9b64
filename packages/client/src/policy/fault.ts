import { type Call, CallTrail, type Clock, type FaultOptions, type Layer, type Random } from '@org/rpc-core';
import { type Complete, rpcError, sleep, waitFor } from '@org/rpc-core/internal';
import type { Refuse } from './admission.js';
import { ownOf } from './fold.js';

/** What holds for the faults of a method; nothing when all of its shares are 0. */
export type FaultValues = Complete<FaultOptions, 'code'>;

/** What faults are made of. */
export interface FaultSettings {
  readonly now: () => FaultValues;
  readonly clock: Clock;
  readonly random: Random;
  readonly refuse: Refuse;
}

/** What a dark rule would have done with a call. */
export function judgeFault(wanted: FaultOptions, random: Random): string | undefined {
  const { delayMs = 0, delayPercent = 100, errorPercent = 0, dropPercent = 0, code = 'UNAVAILABLE' } = wanted;
  if (random() * 100 < errorPercent) return `it would have failed with ${code}`;
  if (random() * 100 < dropPercent) return 'it would not have been answered';
  return delayMs > 0 && random() * 100 < delayPercent ? `it would have begun ${delayMs} ms later` : undefined;
}

/**
 * Delays calls, lets them fail, or leaves them without an answer, on purpose. A call that it ends is never sent: no server, and no
 * record of one, has anything of it. Above retries: what it does is what the caller sees.
 *
 * Source: Envoy's fault filter.
 */
export function fault({ now, clock, random, refuse }: FaultSettings): Layer {
  return (next) => {
    const end = async (call: Call, until: Promise<void>): Promise<unknown> => {
      try {
        await until;
      } catch (error) {
        return refuse(call, error as ReturnType<typeof rpcError>);
      }
      return next(call);
    };
    return (call) => {
      const { delayMs, delayPercent, errorPercent, code = 'UNAVAILABLE', dropPercent } = ownOf(call)?.fault ?? now();
      if (delayMs === 0 && errorPercent === 0 && dropPercent === 0) return next(call);
      if (random() * 100 < errorPercent) {
        call.trail ??= new CallTrail();
        call.trail.lack = 'fault';
        return refuse(call, rpcError(code, 'failed on purpose (fault)', { progress: 'unsent', hasStack: false }));
      }
      if (random() * 100 < dropPercent)
        return end(
          call,
          waitFor<void>(clock, call, 'an answer that was dropped on purpose (fault)', undefined, 'fault').promise,
        );
      if (delayMs === 0 || random() * 100 >= delayPercent) return next(call);
      return end(call, sleep(clock, delayMs, call, 'fault', 'a delay on purpose to end (fault)'));
    };
  };
}
