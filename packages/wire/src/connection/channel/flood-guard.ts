import type { Limits } from '@org/rpc-core';
import { GoAwayCode, ProtocolError } from '../../frames/frame.js';

/** Bounds the frames that a peer may send besides calls. */
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

  /** Counts a frame that is harmless by itself. @throws ProtocolError when there are too many */
  ignore(what: string, now: number): void {
    if (this.#ignored.exceeds(this.#limits.ignoredFrames, now)) {
      const reason = `too many frames to be ignored, the last one: ${what} (limits.ignoredFrames)`;
      throw new ProtocolError(reason, GoAwayCode.LIMIT);
    }
  }
}

const WINDOW_MS = 10_000;

/** Counts events in windows of ten seconds, to bound the work that a peer may cause without a call. */
export class RateWindow {
  #startedAt = Number.NEGATIVE_INFINITY;
  #count = 0;

  /** Counts one more event. Returns whether the window now holds more than `max`. */
  exceeds(max: number, now: number): boolean {
    if (now - this.#startedAt >= WINDOW_MS) {
      this.#startedAt = now;
      this.#count = 0;
    }
    return ++this.#count > max;
  }
}
