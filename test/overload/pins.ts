import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** What to put before a command so that the server has a core of its own, and all others share another one. Empty where that cannot be. */
export interface Pins {
  readonly server: readonly string[];
  readonly others: readonly string[];
  /** For people. */
  readonly text: string;
}

/**
 * Gives this process, with its good clients, the second core, where there are two and `taskset` is there (Linux). Otherwise whoever floods a
 * server on the same machine takes its time by its own work, and not by what it sends.
 */
export function pinCores(): Pins {
  const isPinned = availableParallelism() > 1 && spawnSync('taskset', ['-apc', '1', String(process.pid)]).status === 0;
  if (!isPinned) return { server: [], others: [], text: 'all share the cores of this machine' };
  return {
    server: ['taskset', '-c', '0'],
    others: ['taskset', '-c', '1'],
    text: 'the server has a core of its own; whoever floods it has what good clients leave of another one',
  };
}
