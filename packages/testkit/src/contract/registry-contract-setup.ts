import type { Clock, Random } from '@org/rpc-core';
import type { GoneReason, Instance, Registry } from '@org/rpc-registry';

/** What a contract suite is given for one test: a way to open registries that all reach the same entries, and hooks. */
export interface RegistryContractSetup {
  /** Makes a registry. Those of one setup see each other's entries; those of different setups do not. */
  create(): Registry;
  /** The clock on which handles are opened, default the system's. A fake one needs `settle`. */
  readonly clock?: Clock;
  /** The source of chance with which handles are opened, default seeded. */
  readonly random?: Random;
  /** Moves a fake clock on; called again and again while a test waits for something. */
  settle?(): Promise<void>;
  /** Registers on behalf of an owner that can die without a goodbye. Required by `covers: ['deadOwner']`. */
  startOwner?(instance: Instance, namespace: string): Promise<MortalOwner>;
  /** Deletes all entries behind the backs of their owners. Required by `covers: ['lostEntries']`. */
  loseEntries?(): Promise<void>;
  /** Makes the source unreachable. Required by `covers: ['outage']`. */
  beginOutage?(): Promise<void>;
  /** Ends what `beginOutage` began. */
  endOutage?(): Promise<void>;
  /** Removes all that the test left. Called after its handles were closed. */
  close(): Promise<void>;
}

/** An owner of an entry, another process or a lease of its own. */
export interface MortalOwner {
  /** Kills it: no goodbye is said, the entry is left behind. */
  kill(): Promise<void>;
}

/** Which further tests a registry can be put through, and what it reports in them. */
export interface RegistryContractOptions {
  /** The hooks that its setup has: the tests that need them are declared for these only. */
  readonly covers?: readonly ('deadOwner' | 'lostEntries' | 'outage')[];
  /** What a watcher is told of an instance whose registration was closed (default `left`). */
  readonly closedReason?: GoneReason;
  /** What a watcher is told of an instance whose owner died (default `unknown`). */
  readonly deadReason?: GoneReason;
}
