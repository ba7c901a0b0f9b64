import type { BenchOptions } from '../src/bench/bench-options.js';
import { BENCH_SPECS, resolveBenchOptions } from '../src/bench/bench-options.js';
import { createReport } from '../src/bench/create-report.js';
import type { LatencySummary } from '../src/bench/load/latency-histogram.js';
import type { Interval } from '../src/bench/load/recorder.js';
import type { Measurement } from '../src/bench/load/run-load.js';
import type { BenchReport } from '../src/bench/report/report.js';
import { parseCommandLine } from '../src/options/command-line.js';

/** The options that a command line stands for, with the seed 1 unless it says otherwise. */
export function benchOptions(words: string): BenchOptions {
  return resolveBenchOptions(parseCommandLine(words.split(' '), BENCH_SPECS), () => 1);
}

/** A spread of latencies around a median. */
export function latencies(p50Ms: number): LatencySummary {
  return {
    minMs: p50Ms / 2,
    meanMs: p50Ms * 1.1,
    stdevMs: p50Ms / 3,
    p50Ms,
    p75Ms: p50Ms * 1.2,
    p90Ms: p50Ms * 1.5,
    p95Ms: p50Ms * 2,
    p99Ms: p50Ms * 4,
    p999Ms: p50Ms * 10,
    p9999Ms: p50Ms * 20,
    maxMs: p50Ms * 30,
  };
}

/** Some seconds of a run, the third of them with errors and without a success. */
export function seconds(count: number): Interval[] {
  return Array.from({ length: count }, (_, index) => {
    const failing = index === 2;
    return {
      phase: 'measuring',
      startMs: index * 1000,
      durationMs: 1000,
      ok: failing ? 0 : 1000 + index,
      errors: failing ? 3 : 0,
      dropped: 0,
      callsPerSecond: failing ? 0 : 1000 + index,
      p50Ms: failing ? null : 1 + index / 10,
      p99Ms: failing ? null : 4 + index,
    };
  });
}

/** What a run of ten seconds may have found. */
export function measurement(changes: Partial<Measurement> = {}): Measurement {
  return {
    ok: 9997,
    errors: 3,
    dropped: 0,
    unfinished: 0,
    retries: 2,
    okInWindow: 10_000,
    endedInWindow: 10_003,
    responseTime: latencies(1),
    serviceTime: latencies(1),
    lateStart: null,
    errorsByCode: [{ code: 'UNAVAILABLE', count: 3, example: 'UNAVAILABLE: <gone> & away' }],
    endpoints: [
      { endpoint: '10.0.0.1:4399', calls: 6000, errors: 0, p50Ms: 1, p99Ms: 4 },
      { endpoint: '10.0.0.2:4399', calls: 4000, errors: 3, p50Ms: 1.1, p99Ms: 5 },
    ],
    interrupted: false,
    warmupCalls: 2000,
    windowMs: 10_000,
    generator: { cpuUs: 50_015, eventLoopUtilisation: 0.4 },
    series: seconds(10),
    ...changes,
  };
}

/** A whole report of it. */
export function report(words = 'calculator.sum 1 2', changes: Partial<Measurement> = {}): BenchReport {
  return createReport({
    version: '1.2.3',
    startedWallMs: 1_767_225_600_000,
    options: benchOptions(words),
    registry: 'local:',
    environment: { node: 'v20.20.2', platform: 'linux', arch: 'x64', cpuModel: 'A CPU', cores: 2 },
    measurement: measurement(changes),
  });
}
