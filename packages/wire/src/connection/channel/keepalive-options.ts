import { assertFits, assertKnownOptions, assertNumber } from '@org/rpc-core/internal';

/** When a silent peer is asked whether it lives, and what its silence means. Both sides take it; every one may be left out. */
export interface KeepaliveOptions {
  /** A peer that has been silent this long is asked, in milliseconds, 1,000 to 3,600,000 (default 10,000). */
  readonly idleMs?: number | undefined;
  /**
   * A peer that has been asked and says nothing for this long gets no new calls while there are others, in milliseconds, 1,000 to
   * 600,000 (default 3,000). A client with nothing in flight there connects anew.
   */
  readonly suspectMs?: number | undefined;
  /**
   * A peer that has been asked and says nothing for this long is given up, and the calls in flight fail, in milliseconds, at least
   * `suspectMs`, at most 3,600,000 (default 20,000). A process that computes this long without a pause cannot answer.
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
 * Fills in the defaults of what was given.
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
