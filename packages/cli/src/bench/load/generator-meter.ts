import { performance } from 'node:perf_hooks';

/** What the load cost the process that made it. */
export interface GeneratorUse {
  /** CPU time of all threads, user and system, in microseconds. */
  readonly cpuUs: number;
  /** Share of the time in which the event loop was busy, 0 to 1. */
  readonly eventLoopUtilisation: number;
}

/** Measures the generator itself. It is a parameter, because a fake clock does not change what it reads. */
export interface GeneratorMeter {
  start(): void;
  /** What was used since `start`. */
  read(): GeneratorUse;
}

/** The meter of this process. */
export function systemMeter(): GeneratorMeter {
  let cpu = process.cpuUsage();
  let loop = performance.eventLoopUtilization();
  return {
    start() {
      cpu = process.cpuUsage();
      loop = performance.eventLoopUtilization();
    },
    read() {
      const { user, system } = process.cpuUsage(cpu);
      const { utilization } = performance.eventLoopUtilization(loop);
      return { cpuUs: user + system, eventLoopUtilisation: utilization };
    },
  };
}
