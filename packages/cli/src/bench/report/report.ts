import { cpus } from 'node:os';
import type { EndpointSummary } from '../load/endpoint-split.js';
import type { ErrorSummary } from '../load/error-tally.js';
import type { LatencySummary } from '../load/latency-histogram.js';
import type { Interval } from '../load/recorder.js';

/** The version of the JSON report: it changes when a field leaves or changes its meaning, not when one is added. */
export const REPORT_SCHEMA_VERSION = 1;

/** What was asked for, echoed, so that a report stands on its own. */
export interface ReportConfig {
  readonly service: string;
  readonly method: string;
  /** How many arguments each call had. */
  readonly argumentCount: number;
  readonly payloadBytes: number | null;
  /** The registry, without secrets. */
  readonly registry: string;
  readonly namespace: string | null;
  readonly self: boolean;
  readonly loop: 'closed' | 'open';
  readonly connections: number;
  /** Closed loop only. */
  readonly concurrency: number | null;
  /** Open loop only, as the two below. */
  readonly ratePerSecond: number | null;
  readonly arrivals: 'poisson' | 'uniform' | null;
  readonly maxInFlight: number | null;
  readonly warmupMs: number;
  readonly durationMs: number | null;
  readonly requests: number | null;
  readonly timeoutMs: number;
  /** Whether failed attempts were repeated on other endpoints. */
  readonly idempotent: boolean;
  readonly seed: number;
}

/** Where it was measured. */
export interface ReportEnvironment {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  readonly cpuModel: string;
  readonly cores: number;
}

/** What was measured. Times are in milliseconds; percentiles are of successful calls. */
export interface ReportResult {
  /** False when it was stopped by SIGINT. */
  readonly complete: boolean;
  /** How long it was measured. */
  readonly windowMs: number;
  readonly warmupCalls: number;
  /** Measured calls with a known outcome: `ok + errors`. */
  readonly calls: number;
  readonly ok: number;
  readonly errors: number;
  /** `errors / calls`, 0 to 1. */
  readonly errorShare: number;
  /** Open loop: came due with too many in flight, and were not sent. */
  readonly dropped: number;
  /** Given up at the end without an outcome. */
  readonly unfinished: number;
  /** Attempts beyond the first. */
  readonly retries: number;
  /** Successful calls a second. */
  readonly callsPerSecond: number;
  /** From when a call was due; `null` when none succeeded. */
  readonly responseTime: LatencySummary | null;
  /** From when it was sent. */
  readonly serviceTime: LatencySummary | null;
  /** Open loop: from due to sent. */
  readonly lateStart: LatencySummary | null;
  readonly errorsByCode: readonly ErrorSummary[];
  readonly endpoints: readonly EndpointSummary[];
  readonly generator: ReportGenerator;
  readonly series: readonly Interval[];
}

/** How the process that made the load fared. */
export interface ReportGenerator {
  /** CPU time of this process over the calls that ended, in microseconds; `null` when none ended. */
  readonly cpuUsPerCall: number | null;
  /** 0 to 1. */
  readonly eventLoopUtilisation: number;
  /** Open loop with a busier event loop than 0.85: the latencies are partly its own. */
  readonly saturated: boolean;
}

/** A whole report, as `--json` prints it and `--compare` reads it. */
export interface BenchReport {
  readonly schemaVersion: typeof REPORT_SCHEMA_VERSION;
  readonly tool: { readonly name: '@org/rpc-cli'; readonly version: string };
  /** When the load began, ISO 8601. */
  readonly startedAt: string;
  readonly config: ReportConfig;
  readonly environment: ReportEnvironment;
  readonly result: ReportResult;
}

/** What this process runs on. */
export function currentEnvironment(): ReportEnvironment {
  const cores = cpus();
  return {
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    cpuModel: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
  };
}
