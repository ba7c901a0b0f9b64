import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, RpcError } from '@org/rpc';
import { Probe } from './service.js';

/** What became of the calls of a {@link startLoad}. */
export interface LoadResult {
  readonly made: number;
  readonly failures: readonly RpcError[];
  /** How many of the failures are of calls that are not safe to repeat. */
  readonly failedOnce: number;
  /** The longest that a call took to settle, in milliseconds. */
  readonly longestMs: number;
  /** Answers by process id. */
  readonly byProcess: ReadonlyMap<number, number>;
}

/** A load that runs until it is stopped. */
export interface Load {
  /** All answers of this process so far. */
  answers(pid: number): number;
  /** Calls so far. */
  readonly made: number;
  stop(): Promise<LoadResult>;
}

/** What is called. */
export interface LoadOptions {
  /** The pause of each caller after a call, in milliseconds. */
  readonly pauseMs?: number;
  /** Whether every second caller makes calls that are not safe to repeat. */
  readonly mixed?: boolean;
}

/** Keeps `callers` calls in flight, with a short pause after each so that the machine is not saturated. */
export function startLoad(client: Client, callers = 16, delayMs = 1, options: LoadOptions = {}): Load {
  const { pauseMs = 2, mixed = false } = options;
  const probe = client.service(Probe);
  const byProcess = new Map<number, number>();
  const failures: RpcError[] = [];
  let failedOnce = 0;
  let made = 0;
  let longestMs = 0;
  let stopped = false;
  const caller = async (_: unknown, index: number): Promise<void> => {
    const isOnce = mixed && index % 2 === 1;
    while (!stopped) {
      const startedAt = performance.now();
      made++;
      try {
        const pid = await (isOnce ? probe.once(`${made}`) : probe.ask(delayMs));
        byProcess.set(pid, (byProcess.get(pid) ?? 0) + 1);
      } catch (error) {
        failures.push(error as RpcError);
        if (isOnce) failedOnce++;
      }
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      await sleep(pauseMs);
    }
  };
  const running = Array.from({ length: callers }, caller);
  return {
    answers: (pid) => byProcess.get(pid) ?? 0,
    get made() {
      return made;
    },
    async stop() {
      stopped = true;
      await Promise.all(running);
      return { made, failures, failedOnce, longestMs, byProcess };
    },
  };
}
