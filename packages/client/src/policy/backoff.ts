import type { Random } from '@org/rpc-core';

const RETRY_BASE_MS = 25;
const RETRY_CAP_MS = 250;

/**
 * How long to wait before a retry, in milliseconds: anything from nothing to a bound that doubles with each retry, 25 ms for
 * the first and at most 250 ms. Full jitter, since callers that failed together would otherwise come back together.
 *
 * Sources: M. Brooker, "Exponential Backoff And Jitter" (AWS, 2015); base and cap of Envoy's router.
 * @param retry - 0 for the first retry
 */
export function retryDelayMs(retry: number, random: Random): number {
  return random() * Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** retry);
}

const LATER_BASE_MS = 100;
const LATER_CAP_MS = 5_000;

/**
 * How long to wait before a kept one-way call is tried again, in milliseconds: between one and two halves of a bound that doubles with each
 * failure in a row, 100 ms after the first and at most 5 s. Never nothing, since nobody waits for it.
 * @param failures - in a row, 1 or more
 */
export function laterDelayMs(failures: number, random: Random): number {
  return (0.5 + 0.5 * random()) * Math.min(LATER_CAP_MS, LATER_BASE_MS * 2 ** (failures - 1));
}

const PROBE_CAP_MS = 300_000;

/**
 * How long to wait before the next trial call to a node that fails, in milliseconds: a twelfth of the time that the outage has
 * lasted, within `baseMs` and 300 s, and 10 % more or less so that clients do not try together. So a node that recovers
 * waits little compared with how long it was away, and one that stays away is tried ever less.
 */
export function probeDelayMs(baseMs: number, outageMs: number, random: Random): number {
  return Math.min(PROBE_CAP_MS, Math.max(baseMs, outageMs / 12)) * (0.9 + 0.2 * random());
}
