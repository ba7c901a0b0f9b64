import type { Rig } from './rig.js';
import type { Setup } from './setup.js';

/** One fault: what is there before it, how it comes and goes, and what is demanded meanwhile. */
export interface Scenario {
  /** Short, for `--only`. */
  readonly name: string;
  /** For people, in the table. */
  readonly title: string;
  readonly setup?: Setup;
  /**
   * Which calls must not fail: all, or `idempotent` ones only where the fault strikes a server with calls in flight that may have
   * run; `none` where every server stands still: nothing
   * is called then but by the processes of the scenario. Default `all`.
   */
  readonly mustNotFail?: 'all' | 'idempotent' | 'none';
  /** Runs when etcd is up and before anything else is. */
  prepare?(rig: Rig): Promise<void>;
  /** Brings the fault and takes it away again. While it runs calls are made. */
  inject(rig: Rig): Promise<void>;
  /** Looks at what is left after all has converged. */
  after?(rig: Rig): Promise<void> | void;
}

/** What was measured of a scenario. */
export interface Outcome {
  readonly name: string;
  readonly title: string;
  /** How long the fault lasted, in milliseconds. */
  readonly faultMs: number;
  readonly made: number;
  readonly failed: number;
  /** Those of `failed` that were not safe to repeat. */
  readonly failedOnce: number;
  readonly longestMs: number;
  /** From the end of the fault until all views agreed for good; `undefined` when they never did. */
  readonly convergedMs: number | undefined;
  readonly notes: readonly string[];
  /** What was not as promised. */
  readonly problems: readonly string[];
}
