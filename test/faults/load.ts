import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, RpcError } from '@org/rpc';
import { Probe } from './service.js';

/** What became of the calls of a {@link startLoad}. */
export interface LoadResult {
  readonly made: number;
  readonly failures: readonly RpcError[];
  /** The longest that a call took to settle, in milliseconds. */
  readonly longestMs: number;
  /** Answers by process id. */
  readonly byProcess: ReadonlyMap<number, number>;
}

/** A load that runs until it is stopped. */
export interface Load {
  /** All answers of this process so far. */
  answers(pid: number): number;
  stop(): Promise<LoadResult>;
}

/** Keeps `callers` calls in flight, with a short pause after each so that the machine is not saturated. */
export function startLoad(client: Client, callers = 16, delayMs = 1): Load {
  const probe = client.service(Probe);
  const byProcess = new Map<number, number>();
  const failures: RpcError[] = [];
  let made = 0;
  let longestMs = 0;
  let stopped = false;
  const caller = async (): Promise<void> => {
    while (!stopped) {
      const startedAt = performance.now();
      made++;
      try {
        const pid = await probe.ask(delayMs);
        byProcess.set(pid, (byProcess.get(pid) ?? 0) + 1);
      } catch (error) {
        failures.push(error as RpcError);
      }
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      await sleep(2);
    }
  };
  const running = Array.from({ length: callers }, caller);
  return {
    answers: (pid) => byProcess.get(pid) ?? 0,
    async stop() {
      stopped = true;
      await Promise.all(running);
      return { made, failures, longestMs, byProcess };
    },
  };
}
