import type { Limits } from '@org/rpc-core';
import type { Assembler } from './assembler.js';
import type { StallWatch } from './stall-watch.js';

/** How far a peer is with what it sends. */
export interface Arriving {
  /** Whether it is read from. */
  readonly isReading: boolean;
  /** Whether a frame has begun and not ended. */
  readonly isInsideFrame: boolean;
  /** How many frames have come. */
  readonly frames: number;
}

/**
 * Says what a peer should have sent by now, in words for it.
 * @param greetingSince - since when its greeting is awaited, in milliseconds; `undefined` when it has come
 * @returns `undefined` when nothing is overdue
 */
export function describeOverdue(
  { handshakeMs, frameStallMs }: Limits,
  greetingSince: number | undefined,
  { isReading, isInsideFrame, frames }: Arriving,
  stalls: StallWatch,
  incoming: Assembler,
  now: number,
): string | undefined {
  if (greetingSince !== undefined && now - greetingSince > handshakeMs)
    return `no greeting within ${handshakeMs} ms (limits.handshakeMs)`;
  if (stalls.isFrameStalled(isInsideFrame && isReading, frames, now, frameStallMs))
    return `a frame was not whole within ${frameStallMs} ms (limits.frameStallMs)`;
  if (incoming.isStalled(isReading, now, frameStallMs))
    return `no piece of a message came within ${frameStallMs} ms (limits.frameStallMs)`;
  return undefined;
}
