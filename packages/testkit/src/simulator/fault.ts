import type { Code, Progress } from '@org/rpc-core';

/** What goes wrong on some servers of a simulation, and when. Times count from the beginning of the simulation. */
export interface SimulatedFault {
  /** The servers that it hits, by their number from 0. */
  readonly servers: number | readonly number[];
  /** When it begins, in milliseconds (default 0). */
  readonly fromMs?: number | undefined;
  /** When it ends, in milliseconds (default: never). */
  readonly untilMs?: number | undefined;
  /**
   * - `slower`: the work takes `times` as long (default 3), for a `share` of the calls (default all).
   * - `slow`: the work takes `ms` (default 2,000), for a `share` of the calls (default all).
   * - `failing`: calls are answered after `ms` (default 1) with `code` (default UNAVAILABLE), a `share` of them (default all).
   * - `frozen`: the process stands still, as in a long pause of its memory manager; it goes on where it was.
   * - `blocking`: a call blocks the process for `ms` (default 5,000): it does nothing else, and answers no PING.
   * - `crashing`: a call ends the process, which is back after `ms` (default 5,000).
   * - `killed`: the process is gone with all that it was doing, and its port refuses.
   * - `disconnected`: its connections are lost and nobody answers there; the process itself goes on.
   */
  readonly kind: 'slower' | 'slow' | 'failing' | 'frozen' | 'blocking' | 'crashing' | 'killed' | 'disconnected';
  readonly times?: number | undefined;
  readonly ms?: number | undefined;
  /** 0 to 1. */
  readonly share?: number | undefined;
  readonly code?: Code | undefined;
  /**
   * How far calls that fail got (default: that which a server says with such a code, `refused` for UNIMPLEMENTED, UNAUTHENTICATED and
   * PERMISSION_DENIED, `maybe-processed` for UNAVAILABLE, else `processed`).
   */
  readonly progress?: Progress | undefined;
  /** How many calls it hits at each server (default all); of `blocking` and `crashing` in all, each wherever it is repeated (default 1). */
  readonly calls?: number | undefined;
  /** The methods that it hits (default all). */
  readonly methods?: readonly string[] | undefined;
  /** The fault comes and goes: so many milliseconds each (default: it stays). */
  readonly flapMs?: number | undefined;
}

/** Whether a fault hits now. */
export function isActive(
  { fromMs = 0, untilMs = Number.POSITIVE_INFINITY, flapMs }: SimulatedFault,
  now: number,
): boolean {
  if (now < fromMs || now >= untilMs) return false;
  return flapMs === undefined || Math.floor((now - fromMs) / flapMs) % 2 === 0;
}

/** When a fault that hits now next stops to, in milliseconds; `Infinity` when never. */
export function activeUntil(
  { fromMs = 0, untilMs = Number.POSITIVE_INFINITY, flapMs }: SimulatedFault,
  now: number,
): number {
  if (flapMs === undefined) return untilMs;
  return Math.min(untilMs, fromMs + (Math.floor((now - fromMs) / flapMs) + 1) * flapMs);
}
