/** So much of the event loop's time handshakes may take while more connections come than that has time for. */
const SHARE = 0.2;

/** Yet connections come at no less than this part of the pace that is given: clients must get in, however slow the machine is. */
const PACE_MIN = 0.4;

/** The weight of the latest handshake in the mean, and the longest that one counts for, in milliseconds: what takes longer was held up by others. */
const WEIGHT = 1 / 8;
const COUNTED_MS_MAX = 20;

/**
 * What a handshake of TLS takes of the event loop, most of all its signature, and how far apart handshakes have to begin so that the calls of
 * those who are there have the rest. A call that comes during one waits for its end: two in a row would make it wait for both.
 */
export class HandshakeCost {
  readonly #paceMs: number;
  #meanMs: number | undefined;

  /** @param perSecond - how many connections may begin in a second if that takes no time */
  constructor(perSecond: number) {
    this.#paceMs = 1_000 / perSecond;
  }

  /** One has taken so long, in milliseconds. */
  took(ms: number): void {
    const counted = Math.min(COUNTED_MS_MAX, ms);
    this.#meanMs = this.#meanMs === undefined ? counted : this.#meanMs + WEIGHT * (counted - this.#meanMs);
  }

  /** How long after one begins the next one may, in milliseconds. */
  get intervalMs(): number {
    return Math.min(this.#paceMs / PACE_MIN, Math.max(this.#paceMs, (this.#meanMs ?? 0) / SHARE));
  }
}
