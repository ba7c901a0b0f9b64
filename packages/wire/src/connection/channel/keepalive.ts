/** What keepalive needs of its connection. */
export interface KeepalivePort {
  /** When bytes last arrived. */
  readAt(): number;
  /** Sends a PING with these eight bytes. */
  ping(opaque: Buffer): void;
  /** The peer did not answer: the connection is dead. */
  lost(reason: string): void;
}

/** A connection that has been silent this long is asked whether it lives. */
const SILENCE_MS = 10_000;

/** A PING must be followed by any byte within this. */
const ANSWER_MS = 3_000;

/** A peer that has ended its side is asked so often right away: one write brings the reset, the next one finds it. */
const PRODS_AT_ONCE = 3;

const OPAQUE = Buffer.from('keepaliv');

/**
 * Finds out that a silent peer is gone: a frozen process, a lost host, a firewall that forgot. Any inbound byte is life; a
 * PING is sent only when there was none for ten seconds, or when someone has a suspicion.
 */
export class Keepalive {
  readonly #port: KeepalivePort;
  #pingedAt = Number.POSITIVE_INFINITY;
  /** When a peer that has ended its side was last asked; `Infinity` while it has not. */
  #proddedAt = Number.POSITIVE_INFINITY;
  #prods = 0;

  constructor(port: KeepalivePort) {
    this.#port = port;
  }

  /** Asks at once, because a call was not answered in time. */
  suspect(now: number): void {
    if (this.#proddedAt !== Number.POSITIVE_INFINITY || this.#pingedAt !== Number.POSITIVE_INFINITY) return;
    this.#pingedAt = now;
    this.#port.ping(OPAQUE);
  }

  /** An answer arrived, or other proof of life. Whether one was awaited. */
  alive(): boolean {
    const wasAwaited = this.#pingedAt !== Number.POSITIVE_INFINITY;
    this.#pingedAt = Number.POSITIVE_INFINITY;
    return wasAwaited;
  }

  /**
   * The peer has ended its side: it may still wait for answers, and can say no more that it lives. But its system can: what is sent
   * to a process that is gone comes back as a reset, which the next write finds. So it is asked at once, once more at each of the next
   * two ticks, and then whenever it would have been asked; no answer is expected.
   */
  peerEnded(now: number): void {
    if (this.#proddedAt !== Number.POSITIVE_INFINITY) return;
    this.#pingedAt = Number.POSITIVE_INFINITY;
    this.#prod(now);
  }

  #prod(now: number): void {
    this.#proddedAt = now;
    this.#prods++;
    this.#port.ping(OPAQUE);
  }

  /** Called about once a second. */
  tick(now: number): void {
    if (this.#proddedAt !== Number.POSITIVE_INFINITY) {
      if (this.#prods < PRODS_AT_ONCE || now - this.#proddedAt > SILENCE_MS) this.#prod(now);
      return;
    }
    const readAt = this.#port.readAt();
    if (this.#pingedAt === Number.POSITIVE_INFINITY) {
      if (now - readAt > SILENCE_MS) this.suspect(now);
    } else if (readAt >= this.#pingedAt) {
      this.#pingedAt = Number.POSITIVE_INFINITY;
    } else if (now - this.#pingedAt > ANSWER_MS) {
      this.#port.lost(`no answer to a PING within ${ANSWER_MS} ms`);
    }
  }
}
