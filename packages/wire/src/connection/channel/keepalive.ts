import { assertFits, assertKnownOptions, assertNumber } from '@org/rpc-core/internal';

/** What keepalive needs from its connection. */
export interface KeepalivePort {
  /** When bytes last arrived. */
  readAt(): number;
  /** Sends a PING with these eight bytes. */
  ping(opaque: Buffer): void;
  /** Whether calls would be lost with the connection: then a silent peer is given more time. */
  isNeeded(): boolean;
  /** The peer did not answer: the connection is dead. */
  lost(reason: string): void;
}

/** How many PINGs a peer that has ended its side gets right away: one write causes the reset, the next one finds it. */
const PRODS_AT_ONCE = 3;

const OPAQUE = Buffer.from('keepaliv');

/**
 * Finds out that a silent peer is gone: a frozen process, a lost host, a firewall that dropped its state. Any byte from the peer shows
 * life; a PING is sent only when none came for a while, or on suspicion.
 *
 * A peer that is silent after a PING is first suspect and gets no new calls; only much later it counts as gone. A process that
 * computes for some seconds cannot answer, and must not lose its calls.
 */
export class Keepalive {
  readonly #port: KeepalivePort;
  readonly #options: ResolvedKeepalive;
  #pingedAt = Number.POSITIVE_INFINITY;
  /** When a peer that has ended its side last got a PING; `Infinity` while the peer has not ended its side. */
  #proddedAt = Number.POSITIVE_INFINITY;
  #prods = 0;
  #isSuspect = false;

  constructor(port: KeepalivePort, options: ResolvedKeepalive) {
    this.#port = port;
    this.#options = options;
  }

  /** Whether the peer got a PING and has been silent for too long. */
  get isSuspect(): boolean {
    return this.#isSuspect && this.#port.readAt() < this.#pingedAt;
  }

  /** Sends a PING at once, because a call was not answered in time. */
  suspect(now: number): void {
    if (this.#proddedAt !== Number.POSITIVE_INFINITY || this.#pingedAt !== Number.POSITIVE_INFINITY) return;
    this.#pingedAt = now;
    this.#port.ping(OPAQUE);
  }

  /** An answer arrived, or another sign of life. Returns whether an answer was awaited. */
  alive(): boolean {
    const wasAwaited = this.#pingedAt !== Number.POSITIVE_INFINITY;
    this.#pingedAt = Number.POSITIVE_INFINITY;
    this.#isSuspect = false;
    return wasAwaited;
  }

  /**
   * The peer has ended its side. It may still wait for answers, but can no longer show that it is alive. Its operating system
   * can: bytes sent to a process that is gone cause a reset, which the next write finds. So the peer gets a PING at once, at each
   * of the next two ticks, and then at the usual times; no answer is expected.
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

/** When a silent peer gets a PING, and what its silence means. Options of both sides; every one may be left out. */
export interface KeepaliveOptions {
  /** A peer that has been silent this long gets a PING, in milliseconds, 1,000 to 3,600,000 (default 10,000). */
  readonly idleMs?: number | undefined;
  /**
   * A peer that is silent for this long after a PING gets no new calls while other peers can take them, in milliseconds, 1,000 to
   * 600,000 (default 3,000). A client with no calls in flight on the connection reconnects.
   */
  readonly suspectMs?: number | undefined;
  /**
   * A peer that is silent for this long after a PING is given up, and the calls in flight fail, in milliseconds, at least
   * `suspectMs`, at most 3,600,000 (default 20,000). A process that computes for this long without a pause cannot answer.
   */
  readonly timeoutMs?: number | undefined;
}

/** {@link KeepaliveOptions} with every default in place. */
export interface ResolvedKeepalive {
  readonly idleMs: number;
  readonly suspectMs: number;
  readonly timeoutMs: number;
}

/** The defaults of {@link KeepaliveOptions}. */
export const DEFAULT_KEEPALIVE: ResolvedKeepalive = Object.freeze({
  idleMs: 10_000,
  suspectMs: 3_000,
  timeoutMs: 20_000,
});

/**
 * Checks the options and fills in the defaults.
 * @param where - the function whose option it is, for errors
 * @throws TypeError naming option, value and bound
 */
export function resolveKeepalive(where: string, keepalive: KeepaliveOptions | undefined): ResolvedKeepalive {
  if (keepalive === undefined) return DEFAULT_KEEPALIVE;
  const isObject = typeof keepalive === 'object' && keepalive !== null && !Array.isArray(keepalive);
  assertFits(where, 'keepalive', '{ idleMs, suspectMs, timeoutMs }', keepalive, isObject);
  assertKnownOptions(`${where}: keepalive`, keepalive, Object.keys(DEFAULT_KEEPALIVE));
  const { idleMs = DEFAULT_KEEPALIVE.idleMs, suspectMs = DEFAULT_KEEPALIVE.suspectMs } = keepalive;
  const { timeoutMs = Math.max(suspectMs, DEFAULT_KEEPALIVE.timeoutMs) } = keepalive;
  assertNumber(where, 'keepalive.idleMs', idleMs, { min: 1_000, max: 3_600_000 });
  assertNumber(where, 'keepalive.suspectMs', suspectMs, { min: 1_000, max: 600_000 });
  assertNumber(where, 'keepalive.timeoutMs', timeoutMs, { min: suspectMs, max: 3_600_000 });
  return { idleMs, suspectMs, timeoutMs };
}
