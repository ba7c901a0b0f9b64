import type { Limits } from '@org/rpc-core';
import { GoAwayCode, ProtocolError } from '../../frames/frame.js';
import { RateWindow } from './rate-window.js';

/** Bounds what a peer may send besides calls. */
export class FloodGuard {
  readonly #limits: Pick<Limits, 'pings' | 'ignoredFrames'>;
  readonly #pings = new RateWindow();
  readonly #ignored = new RateWindow();

  constructor(limits: Pick<Limits, 'pings' | 'ignoredFrames'>) {
    this.#limits = limits;
  }

  /** Counts a PING. @throws ProtocolError when there are too many */
  ping(now: number): void {
    if (this.#pings.exceeds(this.#limits.pings, now))
      throw new ProtocolError('too many PINGs (limits.pings)', GoAwayCode.LIMIT);
  }

  /** Counts something that is harmless by itself. @throws ProtocolError when there is too much of it */
  ignore(what: string, now: number): void {
    if (this.#ignored.exceeds(this.#limits.ignoredFrames, now)) {
      const reason = `too many frames to be ignored, the last one: ${what} (limits.ignoredFrames)`;
      throw new ProtocolError(reason, GoAwayCode.LIMIT);
    }
  }
}
