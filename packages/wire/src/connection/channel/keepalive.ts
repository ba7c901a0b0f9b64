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

const OPAQUE = Buffer.from('keepaliv');

/**
 * Finds out that a silent peer is gone: a frozen process, a lost host, a firewall that forgot. Any inbound byte is life; a
 * PING is sent only when there was none for ten seconds, or when someone has a suspicion.
 */
export class Keepalive {
  readonly #port: KeepalivePort;
  #pingedAt = Number.POSITIVE_INFINITY;
  #isStopped = false;

  constructor(port: KeepalivePort) {
    this.#port = port;
  }

  /** Asks at once, because a call was not answered in time. */
  suspect(now: number): void {
    if (this.#isStopped || this.#pingedAt !== Number.POSITIVE_INFINITY) return;
    this.#pingedAt = now;
    this.#port.ping(OPAQUE);
  }

  /** An answer arrived, or other proof of life. Whether one was awaited. */
  alive(): boolean {
    const wasAwaited = this.#pingedAt !== Number.POSITIVE_INFINITY;
    this.#pingedAt = Number.POSITIVE_INFINITY;
    return wasAwaited;
  }

  /** The peer has ended its side: it may still wait for answers, and can say no more that it lives. */
  stop(): void {
    this.#isStopped = true;
    this.#pingedAt = Number.POSITIVE_INFINITY;
  }

  /** Called about once a second. */
  tick(now: number): void {
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
