import type { BackoffOptions } from './backoff.js';

/** Every span of time in this package, in milliseconds. Only tests set others than {@link DEFAULT_TIMING}. */
export interface EtcdTiming {
  /** Of every call but those of a close (default 3,000). */
  readonly callDeadlineMs: number;
  /** Of a registration's close, in which its lease is revoked (default 1,000). */
  readonly closeDeadlineMs: number;
  /** Between two reads that show that etcd still answers, and whether a watch has told everything (default 5,000). */
  readonly watchdogMs: number;
  /** Between a read that differs from what a watch has told and the one that decides (default 500). */
  readonly doubtMs: number;
  /** A list is read anew after this, plus or minus a half of it, because watches do lose events (default 30,000). */
  readonly resyncMs: number;
  /** Events that come within this are published together (default 10). */
  readonly coalesceMs: number;
  /** Between failed lists. */
  readonly listBackoff: BackoffOptions;
  /** Between the end of a watch and the next list; short, because etcd has answered the list before it. */
  readonly watchBackoff: BackoffOptions;
  /** Between failed writes of a registration; the first one comes quickly, for a lost lease must be replaced at once. */
  readonly registrationBackoff: BackoffOptions;
}

/** The spans that the package works with; the backoff of lists is that of the reflector of Kubernetes client-go. */
export const DEFAULT_TIMING: EtcdTiming = Object.freeze({
  callDeadlineMs: 3_000,
  closeDeadlineMs: 1_000,
  watchdogMs: 5_000,
  doubtMs: 500,
  resyncMs: 30_000,
  coalesceMs: 10,
  listBackoff: Object.freeze({ baseMs: 800, maxMs: 30_000, resetAfterMs: 120_000 }),
  watchBackoff: Object.freeze({ baseMs: 800, maxMs: 1_600, resetAfterMs: 120_000 }),
  registrationBackoff: Object.freeze({ baseMs: 800, maxMs: 30_000, resetAfterMs: 120_000, firstMs: 100 }),
});
