import type { BenchOptions } from './bench-options.js';
import type { Measurement } from './load/run-load.js';
import {
  type BenchReport,
  REPORT_SCHEMA_VERSION,
  type ReportConfig,
  type ReportEnvironment,
  type ReportResult,
} from './report/report.js';

/** An event loop that is busier than this has no room left for bursts, and delays what it should measure. */
const SATURATED = 0.85;

/** What a report is made of. */
export interface ReportParts {
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly startedWallMs: number;
  readonly options: BenchOptions;
  /** How the registry is shown, without secrets. */
  readonly registry: string;
  readonly environment: ReportEnvironment;
  readonly measurement: Measurement;
}

/** Puts a report together. */
export function createReport(parts: ReportParts): BenchReport {
  return {
    schemaVersion: REPORT_SCHEMA_VERSION,
    tool: { name: '@org/rpc-cli', version: parts.version },
    startedAt: new Date(parts.startedWallMs).toISOString(),
    config: reportConfig(parts.options, parts.registry),
    environment: parts.environment,
    result: reportResult(parts.measurement, parts.options.load.kind === 'open'),
  };
}

function reportConfig(options: BenchOptions, registry: string): ReportConfig {
  const { load, span } = options;
  const open = load.kind === 'open' ? load : undefined;
  return {
    service: options.service,
    method: options.method,
    argumentCount: options.args.length,
    payloadBytes: options.payloadBytes ?? null,
    registry,
    namespace: options.namespace ?? null,
    self: options.self,
    loop: load.kind,
    connections: options.connections,
    concurrency: load.kind === 'closed' ? load.concurrency : null,
    ratePerSecond: open?.ratePerSecond ?? null,
    arrivals: open?.arrivals ?? null,
    maxInFlight: open?.maxInFlight ?? null,
    warmupMs: span.warmupMs,
    durationMs: span.durationMs ?? null,
    requests: span.requests ?? null,
    timeoutMs: options.timeoutMs,
    idempotent: options.idempotent,
    seed: options.seed,
  };
}

function reportResult(measurement: Measurement, open: boolean): ReportResult {
  const { ok, errors, windowMs, okInWindow, endedInWindow, generator } = measurement;
  const calls = ok + errors;
  return {
    complete: !measurement.interrupted,
    windowMs,
    warmupCalls: measurement.warmupCalls,
    calls,
    ok,
    errors,
    errorShare: calls === 0 ? 0 : errors / calls,
    dropped: measurement.dropped,
    unfinished: measurement.unfinished,
    retries: measurement.retries,
    callsPerSecond: windowMs > 0 ? (okInWindow / windowMs) * 1000 : 0,
    responseTime: measurement.responseTime,
    serviceTime: measurement.serviceTime,
    lateStart: measurement.lateStart,
    errorsByCode: measurement.errorsByCode,
    endpoints: measurement.endpoints,
    generator: {
      cpuUsPerCall: endedInWindow === 0 ? null : generator.cpuUs / endedInWindow,
      eventLoopUtilisation: generator.eventLoopUtilisation,
      saturated: open && generator.eventLoopUtilisation > SATURATED,
    },
    series: measurement.series,
  };
}
