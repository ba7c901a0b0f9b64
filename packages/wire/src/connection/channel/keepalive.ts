import type { ResolvedKeepalive } from './keepalive-options.js';

/** What keepalive needs of its connection. */
export interface KeepalivePort {
  /** When bytes last arrived. */
  readAt(): number;
  /** Sends a PING with these eight bytes. */
  ping(opaque: Buffer): void;
  /** Whether something would be lost with the connection, so that a silent peer is given more time. */
  isNeeded(): boolean;
  /** The peer did not answer: the connection is dead. */
  lost(reason: string): void;
}

/** A peer that has ended its side is asked so often right away: one write brings the reset, the next one finds it. */
const PRODS_AT_ONCE = 3;

const OPAQUE = Buffer.from('keepaliv');

/**
 * Finds out that a silent peer is gone: a frozen process, a lost host, a firewall that forgot. Any inbound byte is life; a
 * PING is sent only when there was none for a while, or when someone has a suspicion.
 *
 * Two things follow from silence after a PING: soon, that the peer is suspect, and better not given anything new; much later, that
 * it is gone. A process that computes for some seconds answers nobody, and is not to lose what it works on.
 */
export class Keepalive {
  readonly #port: KeepalivePort;
  readonly #options: ResolvedKeepalive;
  #pingedAt = Number.POSITIVE_INFINITY;
  /** When a peer that has ended its side was last asked; `Infinity` while it has not. */
  #proddedAt = Number.POSITIVE_INFINITY;
  #prods = 0;
  #isSuspect = false;

  constructor(port: KeepalivePort, options: ResolvedKeepalive) {
    this.#port = port;
    this.#options = options;
  }

  /** Whether the peer was asked and has said nothing for longer than one that lives would. */
  get isSuspect(): boolean {
    return this.#isSuspect && this.#port.readAt() < this.#pingedAt;
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
    this.#isSuspect = false;
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
      if (this.#prods < PRODS_AT_ONCE || now - this.#proddedAt > this.#options.idleMs) this.#prod(now);
      return;
    }
    const readAt = this.#port.readAt();
    const { idleMs, suspectMs, timeoutMs } = this.#options;
    if (readAt >= this.#pingedAt) this.alive();
    if (this.#pingedAt === Number.POSITIVE_INFINITY) {
      if (now - readAt > idleMs) this.suspect(now);
      return;
    }
    const silentMs = now - this.#pingedAt;
    this.#isSuspect = silentMs > suspectMs;
    const boundMs = this.#port.isNeeded() ? timeoutMs : suspectMs;
    if (silentMs > boundMs) this.#port.lost(`no answer to a PING within ${boundMs} ms`);
  }
}
