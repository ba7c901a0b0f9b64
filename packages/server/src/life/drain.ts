import type { Clock } from '@org/rpc-core';
import { assertKnownOptions, assertNumber } from '@org/rpc-core/internal';

/** How a server is closed. */
export interface CloseOptions {
  /**
   * How long clients have to learn of the drain before new calls are refused, in milliseconds. Default: the time that the registry needs
   * (3,000 for etcd, 0 if clients hear at once), or 0 when no client is connected.
   */
  readonly drainMs?: number | undefined;
  /**
   * How long running calls may take to end after that, in milliseconds (default 25,000). A call that still runs then is cut off:
   * its signal aborts, and its caller gets `UNAVAILABLE`. Sending these answers takes at most one more second.
   */
  readonly graceMs?: number | undefined;
  /** Told to clients and observers. */
  readonly reason?: string | undefined;
}

/** In milliseconds. With the 3 s that etcd needs and the last answers, a stop fits into the 30 s that Kubernetes gives a process. */
const DEFAULT_GRACE_MS = 25_000;

/** How long to wait after the grace for the last answers and for a registry that hangs, in milliseconds. */
const LAST_WORDS_MS = 1_000;

/** {@link CloseOptions} with defaults. */
export interface ResolvedCloseOptions {
  readonly drainMs: number | undefined;
  readonly graceMs: number;
  readonly reason: string;
}

/** Checks the options and fills in the defaults. @throws TypeError naming option, value and bound */
export function resolveCloseOptions(options: CloseOptions): ResolvedCloseOptions {
  const where = 'server.close';
  assertKnownOptions(where, options, ['drainMs', 'graceMs', 'reason']);
  const { drainMs, graceMs = DEFAULT_GRACE_MS, reason = 'the server is shutting down' } = options;
  assertStopTimes(where, { drainMs, graceMs });
  return { drainMs, graceMs, reason };
}

/** The longest time that a stop takes, in milliseconds. @param leadMs - the time that the registry needs */
export function stopTimeMs(times: Pick<CloseOptions, 'drainMs' | 'graceMs'>, leadMs: number): number {
  return (times.drainMs ?? leadMs) + (times.graceMs ?? DEFAULT_GRACE_MS) + LAST_WORDS_MS;
}

/** Checks how long a stop may take. @throws TypeError naming option, value and bound */
export function assertStopTimes(where: string, times: Pick<CloseOptions, 'drainMs' | 'graceMs'>): void {
  for (const name of ['drainMs', 'graceMs'] as const) {
    const value = times[name];
    if (value !== undefined) assertNumber(where, name, value, { min: 0, max: 3_600_000 });
  }
}

/** What draining needs from the server. */
export interface DrainHost {
  /** Tells the registry and every client that no new calls are wanted. */
  announce(reason: string): void;
  /** How many connections are open. */
  connections(): number;
  /** From now on new calls are refused, never started. */
  refuseNew(reason: string): void;
  /** Leaves the registry and stops accepting. Never rejects. */
  leave(): Promise<void>;
  /** Resolves when no handler runs and every client has closed its connection. */
  untilEmpty(): Promise<void>;
  /** Ends the connections that are left, whatever runs on them, and answers the calls that are cut off. */
  endAll(reason: string): void;
  /** Resolves when the last bytes of all connections have gone. */
  untilGone(): Promise<void>;
}

/** A drain in progress. */
export interface Drain {
  readonly done: Promise<void>;
  /** Ends the grace `graceMs` from now, if that is earlier. */
  shorten(graceMs: number): void;
}

/**
 * Closes a server without losing calls. Clients learn of the drain from the registry (`draining`) and by GOAWAY, and go elsewhere. Calls
 * that arrive within `drainMs` are served; later ones are refused (never started, so clients repeat them elsewhere at once). Running calls
 * may finish within the grace, and each client closes its connection after its last answer. Calls that have not finished by then are cut
 * off, and their callers are told so in an answer.
 */
export function drainServer(clock: Clock, leadMs: number, options: ResolvedCloseOptions, host: DrainHost): Drain {
  let endGrace!: () => void;
  const graceEnded = new Promise<void>((resolve) => {
    endGrace = resolve;
  });
  let cancelGrace = (): void => {};
  let graceEndsAt = Number.POSITIVE_INFINITY;
  const armGrace = (graceMs: number): void => {
    if (clock.now() + graceMs >= graceEndsAt) return;
    graceEndsAt = clock.now() + graceMs;
    cancelGrace();
    cancelGrace = clock.schedule(graceMs, endGrace);
  };
  const run = async (): Promise<void> => {
    const { reason } = options;
    host.announce(reason);
    const lead = host.connections() === 0 ? 0 : (options.drainMs ?? leadMs);
    let cancelLead = (): void => {};
    const leadEnded = new Promise<void>((resolve) => {
      cancelLead = clock.schedule(lead, resolve);
    });
    await Promise.race([leadEnded, graceEnded]);
    cancelLead();
    host.refuseNew(reason);
    armGrace(options.graceMs);
    await Promise.race([Promise.all([host.leave(), host.untilEmpty()]), graceEnded]);
    cancelGrace();
    host.endAll(reason);
    let cancelLast = (): void => {};
    const lastEnded = new Promise<void>((resolve) => {
      cancelLast = clock.schedule(LAST_WORDS_MS, resolve);
    });
    await Promise.race([Promise.all([host.leave(), host.untilGone()]), lastEnded]);
    cancelLast();
  };
  return { done: run(), shorten: armGrace };
}
