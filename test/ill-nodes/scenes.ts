import type { Code } from '@org/rpc';

/** How a node behaves; left out: it is well and takes 20 ms on average, exponentially distributed. */
export interface Illness {
  /** It fails so many of its calls at once, 0 to 1. */
  readonly failShare?: number;
  readonly code?: Code;
  /** Its work takes so many times as long, or a fixed time. */
  readonly slowTimes?: number;
  readonly slowMs?: number;
  /** Only for so many of its calls, 0 to 1 (default all). */
  readonly slowShare?: number;
}

/** What is known of a run of `rpc bench`. */
export interface Figures {
  readonly calls: number;
  readonly errors: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The errors of each second, from the first in which the node was ill. */
  readonly errorsBySecond: readonly number[];
  /** The 99th percentiles of the same seconds, in milliseconds; NaN where nothing was answered. */
  readonly p99BySecond: readonly number[];
}

/** One fault of one node of three (or of all) while `rpc bench` runs with its default options. */
export interface Scene {
  /** Short, for `--only`. */
  readonly name: string;
  readonly title: string;
  readonly isIdempotent?: boolean;
  /** How many of the three nodes are hit (default 1). */
  readonly nodes?: number;
  /** A signal, or how the nodes behave. */
  readonly fault: 'SIGKILL' | 'SIGSTOP' | Illness;
  /** Calls a second, where it needs more than the others. */
  readonly perSecond?: number;
  /** A document of rules that is in force from the beginning. */
  readonly rules?: object;
  /** What is promised, in words for people. */
  readonly bound: string;
  /** Whether it was kept. @param well - the same without the fault */
  holds(seen: Figures, well: Figures): boolean;
}

/** From this second of the fault on a frozen node is avoided. */
const AVOIDED_AFTER_S = 4;

/** The default timeout, and what a busy machine may add until it is noticed. */
const DEADLINE_MS = 1_000 + 300;

/** So many calls may be in flight to one node of three at 200 a second that take 20 ms on average, and some in its buffers. */
const IN_FLIGHT_MAX = 20;

const HEDGED = {
  schemaVersion: 1,
  comment: 'one slow node of three',
  hedge: { mode: 'on', percentile: 98, max: 1 },
};

function sum(values: readonly number[]): number {
  return values.reduce((all, each) => all + each, 0);
}

/** All that is done to nodes. */
export const SCENES: readonly Scene[] = [
  {
    name: 'killed',
    title: 'kill -9, idempotent calls',
    isIdempotent: true,
    fault: 'SIGKILL',
    bound: 'none fails',
    holds: ({ errors }) => errors === 0,
  },
  {
    name: 'killed-once',
    title: 'kill -9, calls that must not be repeated',
    fault: 'SIGKILL',
    bound: 'only those in flight fail, all in one second or the next',
    holds: ({ errors, errorsBySecond }) => errors <= IN_FLIGHT_MAX && sum(errorsBySecond.slice(2)) === 0,
  },
  {
    name: 'frozen',
    title: 'frozen (SIGSTOP), idempotent calls',
    isIdempotent: true,
    fault: 'SIGSTOP',
    bound: 'none fails or takes more than its deadline; from 4 s on p99 is below 500 ms',
    holds: ({ errors, maxMs, p99BySecond }) =>
      errors === 0 && maxMs <= DEADLINE_MS && p99BySecond.slice(AVOIDED_AFTER_S).every((ms) => !(ms > 500)),
  },
  {
    name: 'frozen-once',
    title: 'frozen (SIGSTOP), calls that must not be repeated',
    fault: 'SIGSTOP',
    bound: 'none takes more than its deadline; from 5 s on none fails',
    // Those that were given to it in the fourth second fail in the fifth.
    holds: ({ errorsBySecond, maxMs }) => maxMs <= DEADLINE_MS && sum(errorsBySecond.slice(AVOIDED_AFTER_S + 1)) === 0,
  },
  {
    name: 'failing',
    title: 'fails at once with UNAVAILABLE, nothing is repeated, 500 calls/s',
    // A trial call each five seconds and more is lost, whatever the number of calls.
    perSecond: 500,
    fault: { failShare: 1 },
    bound: '0.05 % fail at most, or 3 calls',
    holds: ({ errors, calls }) => errors <= Math.max(3, 0.0005 * calls),
  },
  {
    name: 'slower',
    title: 'three times as slow, hedging by a rule',
    isIdempotent: true,
    fault: { slowTimes: 3 },
    rules: HEDGED,
    bound: 'p99 is at most 2 x that of a healthy pool',
    holds: ({ p99Ms, errors }, well) => errors === 0 && p99Ms <= 2 * well.p99Ms,
  },
  {
    name: 'slow',
    title: 'takes 2 s for each call, idempotent calls',
    isIdempotent: true,
    fault: { slowMs: 2_000 },
    bound: 'none fails',
    holds: ({ errors }) => errors === 0,
  },
  {
    name: 'partly-slow',
    title: 'takes 500 ms for one call in ten, idempotent calls',
    isIdempotent: true,
    fault: { slowMs: 500, slowShare: 0.1 },
    bound: 'none fails; p99 is at most 500 ms and the usual',
    holds: ({ errors, p99Ms }, well) => errors === 0 && p99Ms <= 500 + well.p99Ms,
  },
  {
    name: 'rare-bug',
    title: 'a bug on all nodes: INTERNAL in 0.1 % of the calls',
    nodes: 3,
    fault: { failShare: 0.001, code: 'INTERNAL' },
    bound: 'p99 is at most 1.1 x that without',
    holds: ({ p99Ms }, well) => p99Ms <= 1.1 * well.p99Ms,
  },
];
