import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { assertKnownOptions, assertNumber } from './check.js';

/**
 * Every bound of a connection, each with the harm that it stops. All are on from the start. The `limits` option of a client or a
 * server changes any of them.
 */
export interface Limits {
  /** Bytes of one message, both directions (default 4 MiB, at least 1024). Stops: one peer's message filling the memory. */
  readonly messageBytes: number;
  /** Bytes of the metadata of one call (default 16 KiB). Stops: unbounded work before authorization. */
  readonly metadataBytes: number;
  /** Keys in the metadata of one call (default 64). Stops: unbounded work before authorization, by count. */
  readonly metadataKeys: number;
  /**
   * Elements of arrays and maps in one message, in units of 64 bytes of memory (default 1,000,000): a key and its value are two, a binary
   * or an object of an extension counts as four more. Stops: small bytes that grow to large objects.
   */
  readonly messageElements: number;
  /** Nesting of arrays and maps in one message (default 64). Stops: stack overflow in whoever walks the value. */
  readonly messageDepth: number;
  /**
   * Calls in flight on one connection (default 4,096); as many more may wait for it. Running handlers count until they end. Stops: unbounded
   * handlers.
   */
  readonly callsInFlight: number;
  /**
   * Bytes of requests in flight on one connection (default 32 MiB): what was received and, until the call is answered, an
   * estimate of the memory of its decoded arguments. A single call always has room for its arguments. Stops: many large requests
   * at once.
   */
  readonly inFlightRequestBytes: number;
  /**
   * Bytes of items that a peer may send on one stream before they are taken (default 1 MiB, at least 64 KiB): a quarter of it at first, and
   * again for a reader that has fallen behind, all of it for one that keeps up. Never less than 64 KiB. Stops: a slow reader.
   */
  readonly streamCreditBytes: number;
  /** The same for all streams of one connection together (default 1 MiB, at least that). Stops: many slow readers. */
  readonly connectionCreditBytes: number;
  /**
   * Bytes of messages in pieces that a peer may send on one connection before they have been read (default 256 KiB, at least 64
   * KiB). Stops: large messages that fill the buffers of both systems, behind which small ones wait. With a long round-trip time it bounds
   * the throughput of large messages on one connection: this many bytes per round trip.
   */
  readonly pieceCreditBytes: number;
  /**
   * Bytes waiting to be written on one connection (default 8 MiB): beyond this a server does not read the connection, and a
   * client's calls wait within their deadlines; beyond four times this, answers of running calls are replaced by an error. Stops: a
   * peer that does not read.
   */
  readonly writeQueueBytes: number;
  /**
   * Bytes that all connections of one server hold together (default: an eighth of what its process may use, of its heap or of its container if
   * that is less; at least 1 MiB): requests in flight, 2 KiB for each besides, and what waits to be written. Beyond it, a connection that holds
   * more than its equal share, at least 64 KiB, has its requests refused and is not read. Stops: many connections that fill the memory.
   */
  readonly heldBytes: number;
  /** A connection whose write queue is full and moves nothing for this long is closed, in milliseconds (default 10,000). */
  readonly writeStallMs: number;
  /** The first byte and the whole greeting must arrive within this time, in milliseconds (default 5,000). Stops: slow-loris. */
  readonly handshakeMs: number;
  /** A started frame must be whole within this time, in milliseconds (default 30,000). Stops: slow-loris in a body. */
  readonly frameStallMs: number;
  /** Connections of one server (default 10,000); the newest is refused. Stops: running out of file descriptors. */
  readonly connections: number;
  /**
   * Connections that may begin per second at one server, in the long run (default 1,000; with TLS, a quarter of this, and down to a
   * tenth where handshakes would take more than a fifth of the event loop's time). Up to 1,000 more wait;
   * hosts take turns. Stops: floods of connections.
   */
  readonly connectionsPerSecond: number;
  /** PINGs a peer may send in 10 s (default 100). Stops: ping floods. */
  readonly pings: number;
  /** Cancels a peer may send in 10 s beyond one for each of its requests (default 1,000). Stops: floods of cancels. */
  readonly cancels: number;
  /** Unknown, empty or misplaced frames a peer may send in 10 s (default 100). Stops: floods of ignored frames. */
  readonly ignoredFrames: number;
}

/** What this process may use: of its heap, of its container, of its machine. */
function usableBytes(): number {
  // Not told, or without a bound.
  const container = process.constrainedMemory?.() || Number.POSITIVE_INFINITY;
  return Math.min(getHeapStatistics().heap_size_limit, container, totalmem());
}

/** The defaults of {@link Limits}. They are also what a client assumes of a server until its HELLO has arrived, but for the credits: those begin at their least. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  messageBytes: 4 * 1024 * 1024,
  metadataBytes: 16 * 1024,
  metadataKeys: 64,
  messageElements: 1_000_000,
  messageDepth: 64,
  callsInFlight: 4096,
  inFlightRequestBytes: 32 * 1024 * 1024,
  streamCreditBytes: 1024 * 1024,
  connectionCreditBytes: 1024 * 1024,
  pieceCreditBytes: 256 * 1024,
  writeQueueBytes: 8 * 1024 * 1024,
  heldBytes: Math.min(2 ** 31 - 1, Math.max(1024 * 1024, Math.floor(usableBytes() / 8))),
  writeStallMs: 10_000,
  handshakeMs: 5_000,
  frameStallMs: 30_000,
  connections: 10_000,
  connectionsPerSecond: 1_000,
  pings: 100,
  cancels: 1_000,
  ignoredFrames: 100,
});

/**
 * Checks the limits that were given and fills in the defaults.
 * @param where - the function whose option it is, for errors
 * @throws TypeError for an unknown limit or one that is not a positive whole number
 */
export function resolveLimits(where: string, limits: Partial<Limits> | undefined): Limits {
  if (limits === undefined) return DEFAULT_LIMITS;
  assertKnownOptions(`${where}: limits`, limits, Object.keys(DEFAULT_LIMITS));
  const resolved: Record<string, number> = { ...DEFAULT_LIMITS };
  for (const [name, value] of Object.entries(limits)) {
    if (value === undefined) continue;
    assertNumber(`${where}: limits`, name, value, {
      min: MINIMA[name] ?? 1,
      max: MAXIMA[name] ?? 2 ** 31 - 1,
      integer: true,
    });
    resolved[name] = value;
  }
  return resolved as unknown as Limits;
}

/** Minimum values: greetings, reasons and one piece must fit, and a peer sends items by the least credit until it has read another. */
const MINIMA: Readonly<Record<string, number>> = {
  messageBytes: 1024,
  streamCreditBytes: 64 * 1024,
  connectionCreditBytes: DEFAULT_LIMITS.connectionCreditBytes,
  pieceCreditBytes: 64 * 1024,
  heldBytes: 1024 * 1024,
};
/** Bounds that the protocol sets. */
const MAXIMA: Readonly<Record<string, number>> = { metadataBytes: 65_535, callsInFlight: 65_535, messageDepth: 1024 };
