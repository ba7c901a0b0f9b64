import type { Random } from '@org/rpc-core';
import type { FakeClock } from '../fake-clock.js';

/** What is simulated, and for how long. */
export interface CallSimulation {
  readonly clock: FakeClock;
  readonly random: Random;
  /** Calls begin at random moments, independent of each other and of their answers, so many per second on average. */
  readonly perSecond: number;
  /** How long calls begin, in milliseconds. */
  readonly durationMs: number;
  /** How long the last ones may take, in milliseconds; calls that take longer count as failed (default 60,000). */
  readonly settleMs?: number | undefined;
  /** Makes one call; its failure is counted, not thrown. */
  call(): Promise<unknown>;
  /**
   * How promises settle between two events (default `hops`): by a few turns of the microtask queue, which is enough when
   * every answer comes from a timer of the clock, or `all` until nothing is left, which takes longer.
   */
  readonly drain?: 'hops' | 'all' | undefined;
}

/** How the calls of a simulation went. */
export interface SimulationResult {
  readonly calls: number;
  readonly failures: number;
  /** What the calls took, failed ones too, from the shortest to the longest, in milliseconds. */
  readonly latenciesMs: Float64Array;
}

/**
 * Sends calls against virtual time and waits for all of them. The same clock, seed and script give the same result on every
 * machine.
 */
export async function simulateCalls(simulation: CallSimulation): Promise<SimulationResult> {
  const { clock, random, perSecond, durationMs, settleMs = 60_000 } = simulation;
  const latenciesMs: number[] = [];
  let calls = 0;
  let failures = 0;
  const end = clock.now() + durationMs;
  const begin = (): void => {
    const startedAt = clock.now();
    calls++;
    simulation.call().then(
      () => latenciesMs.push(clock.now() - startedAt),
      () => {
        failures++;
        latenciesMs.push(clock.now() - startedAt);
      },
    );
    scheduleNext();
  };
  const scheduleNext = (): void => {
    const pauseMs = (-Math.log(1 - random()) * 1000) / perSecond;
    if (clock.now() + pauseMs < end) clock.schedule(pauseMs, begin);
  };
  scheduleNext();
  const advance = (ms: number): Promise<void> =>
    simulation.drain === 'all' ? clock.advance(ms) : clock.advanceFast(ms);
  await advance(durationMs);
  await advance(settleMs);
  const unsettled = calls - latenciesMs.length;
  return { calls, failures: failures + unsettled, latenciesMs: Float64Array.from(latenciesMs).sort() };
}

/**
 * The latency that a share of the calls stayed below, in milliseconds.
 * @param share - 0 to 1: 0.999 for p99.9
 */
export function percentile(result: SimulationResult, share: number): number {
  const { latenciesMs } = result;
  return latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? Number.NaN;
}

/** The share of calls that took at most so long, 0 to 1. */
export function shareWithin(result: SimulationResult, ms: number): number {
  const { latenciesMs } = result;
  let low = 0;
  let high = latenciesMs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (latenciesMs[middle]! <= ms) low = middle + 1;
    else high = middle;
  }
  return latenciesMs.length === 0 ? Number.NaN : low / result.calls;
}
