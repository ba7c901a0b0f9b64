import { defineService, method } from '@org/rpc';

/** The service that is asked for more than it can do. */
export const Work = defineService('work', {
  /** Computes for so many milliseconds, during which its process does nothing else. */
  compute: method<(ms: number) => number>({ idempotent: true }),
  /** How many calls of `compute` have run. */
  ran: method<() => number>({ priority: 255 }),
  /** What its process has spent, in milliseconds of CPU time, and how many connections it has taken. */
  spent: method<() => { cpuMs: number; connections: number }>({ priority: 255 }),
});
