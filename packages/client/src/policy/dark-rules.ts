import type { Call, MirrorOptions, Outcome, Random, ThrottleOptions } from '@org/rpc-core';
import { completeValues, POLICIES } from '@org/rpc-core/internal';
import type { DarkView } from './fold.js';
import type { Throttle } from './throttle.js';

/** What a dark rule of mirrors would have done with a call. */
export function judgeMirror(
  call: Call,
  { isStream, inForce }: DarkView,
  { percent = 100 }: MirrorOptions,
  random: Random,
): string | undefined {
  const isMirrored = random() * 100 < percent;
  if (isStream || !call.idempotent || call.oneWay || call.pinned !== undefined || inForce.mirror.percent > 0)
    return undefined;
  return isMirrored ? 'it would have been made a second time' : undefined;
}

/** What a dark rule of the throttle would have done with a call, by what is counted for the one in force. */
export function judgeThrottle(
  outcome: Outcome,
  { inForce }: DarkView,
  wanted: ThrottleOptions,
  throttle: Pick<Throttle, 'share' | 'shareBy'>,
  random: Random,
): string | undefined {
  const more = throttle.shareBy(completeValues(POLICIES.throttle, { ...inForce.throttle, ...wanted })) - throttle.share;
  if (more === 0 || random() >= Math.abs(more)) return undefined;
  if (more > 0) return 'it would have been refused here';
  return outcome?.code === 'RESOURCE_EXHAUSTED' && outcome.progress === 'unsent'
    ? 'it would not have been refused here'
    : undefined;
}
