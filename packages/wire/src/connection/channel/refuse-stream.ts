import type { Clock, Limits } from '@org/rpc-core';
import type { Codec } from '../../codec/codec.js';
import { GoAwayCode } from '../../frames/frame.js';
import type { ByteStream } from '../../transport/byte-stream.js';
import type { ChannelOwner } from './channel-owner.js';
import { FrameChannel } from './frame-channel.js';

/** Options of {@link refuseStream}. */
export interface RefusalOptions {
  readonly stream: ByteStream;
  readonly codec: Codec;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Why, in words for people on the other side. */
  readonly reason: string;
}

/** Tells a client why its connection is refused, and closes it; what the client sends is discarded. */
export function refuseStream({ reason, ...options }: RefusalOptions): void {
  const channel = new FrameChannel({ ...options, owner: NOBODY, expectPreface: true });
  channel.start();
  channel.closeFor(GoAwayCode.NOT_ACCEPTED, reason);
}

const nothing = (): void => {};

const NOBODY: ChannelOwner = {
  frame: nothing,
  announced: () => false,
  oversized: nothing,
  isNeeded: () => false,
  greeted: nothing,
  goAway: nothing,
  ended: nothing,
  drained: nothing,
  closed: nothing,
};
