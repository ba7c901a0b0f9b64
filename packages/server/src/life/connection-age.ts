import type { Clock, Peer, Random } from '@org/rpc-core';
import { assertKnownOptions, assertNumber, assertObject } from '@org/rpc-core/internal';

/** How old a connection may become. */
export interface ConnectionAgeOptions {
  /**
   * After this many milliseconds, varied by 10 % so that clients do not come back all at once, a client is asked to replace the
   * connection by a new one; no calls are lost. 1,000 to 2^31 - 1, default 3,600,000.
   */
  readonly maxMs?: number | undefined;
  /** How long calls on the old connection may run on after that, in milliseconds, 0 to 2^31 - 1, default 600,000. */
  readonly graceMs?: number | undefined;
}

/** {@link ConnectionAgeOptions} with defaults. */
export interface ResolvedConnectionAge {
  readonly maxMs: number;
  readonly graceMs: number;
}

/**
 * Fills in the defaults. `undefined` means no bound, the default unless clients must prove their identity.
 * @param isMutual - whether clients must prove their identity
 * @throws TypeError naming option, value and bound
 */
export function resolveConnectionAge(
  where: string,
  options: ConnectionAgeOptions | false | undefined,
  isMutual: boolean,
): ResolvedConnectionAge | undefined {
  if (options === false || (options === undefined && !isMutual)) return undefined;
  const given = options ?? {};
  assertObject(where, 'connectionAge', given);
  assertKnownOptions(`${where}: connectionAge`, given, ['maxMs', 'graceMs']);
  const { maxMs = 3_600_000, graceMs = 600_000 } = given;
  assertNumber(where, 'connectionAge.maxMs', maxMs, { min: 1_000, max: 2 ** 31 - 1 });
  assertNumber(where, 'connectionAge.graceMs', graceMs, { min: 0, max: 2 ** 31 - 1 });
  return { maxMs, graceMs };
}

/** A connection whose age is bounded. */
export interface AgingConnection {
  readonly peer: Peer;
  /** Asks the client to replace this connection by a new one; calls that still come are served. */
  retire(reason: string): void;
  /** Closes the connection. */
  close(reason: string): void;
}

interface Times {
  readonly retireAt: number;
  readonly dropAt: number;
  readonly reason: string;
  isTold: boolean;
}

/** 10 % more or less, as with gRPC's MAX_CONNECTION_AGE (gRFC A9). */
const JITTER = 0.1;

/**
 * Bounds the age of connections: a client must prove its identity again from time to time, and at the latest when its proof
 * expires. So a client that is no longer admitted is out after a bounded time.
 */
export class ConnectionAges {
  readonly #age: ResolvedConnectionAge;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #connections = new Map<AgingConnection, Times>();

  constructor(age: ResolvedConnectionAge, clock: Clock, random: Random) {
    this.#age = age;
    this.#clock = clock;
    this.#random = random;
  }

  add(connection: AgingConnection): void {
    const { maxMs, graceMs } = this.#age;
    const { identityEndsAt } = connection.peer;
    const now = this.#clock.now();
    const ageMs = maxMs * (1 + JITTER * (2 * this.#random() - 1));
    const provenMs = identityEndsAt === undefined ? Number.POSITIVE_INFINITY : identityEndsAt - this.#clock.wallNow();
    const isAge = ageMs < provenMs;
    const retireAt = now + (isAge ? ageMs : provenMs);
    const reason = isAge ? 'this connection is old' : 'what proves who the client is has expired';
    this.#connections.set(connection, { retireAt, dropAt: retireAt + graceMs, reason, isTold: false });
  }

  delete(connection: AgingConnection): void {
    this.#connections.delete(connection);
  }

  /** Retires and closes connections that are due; called about once a second. */
  tick(now: number): void {
    for (const [connection, times] of this.#connections) {
      if (now >= times.dropAt) connection.close(`${times.reason}, and its grace is over (connectionAge.graceMs)`);
      else if (now >= times.retireAt && !times.isTold) {
        times.isTold = true;
        connection.retire(`${times.reason}: make another one`);
      }
    }
  }
}
