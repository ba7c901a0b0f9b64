import { plainText } from '@org/rpc-core/internal';
import type { Style } from '../../format/style.js';
import { formatTable } from '../../format/table.js';
import { formatCount, formatMs, formatShare, formatSpan } from '../../format/units.js';
import { type LatencySummary, PERCENTILES } from '../load/latency-histogram.js';
import type { BenchReport, ReportConfig } from './report.js';

/** The report for people: throughput, latencies, errors, endpoints and warnings. */
export function formatReport(report: BenchReport, style: Style): string {
  const { config, environment, result } = report;
  const sections = [
    `${style.bold(`${config.service}.${config.method}`)}  ${config.registry}\n` +
      `${style.dim(describeLoad(config))}\n` +
      `${style.dim(`node ${environment.node}, ${environment.cores} x ${environment.cpuModel}`)}\n`,
    formatTotals(report, style),
    formatLatencies(report),
    formatErrors(report, style),
    formatEndpoints(report, style),
    warnings(report)
      .map((warning) => `  ${style.warn(warning)}\n`)
      .join(''),
  ];
  if (!result.complete) sections.push(`  ${style.warn('interrupted: these figures are of a part of the run')}\n`);
  return sections.filter((section) => section !== '').join('\n');
}

/** The load in one line: `closed loop, 64 callers over 4 connections, 10 s after 2 s of warm-up`. */
export function describeLoad(config: ReportConfig): string {
  const connections = `${config.connections} connection${config.connections === 1 ? '' : 's'}`;
  const load =
    config.loop === 'closed'
      ? `closed loop, ${config.concurrency} caller${config.concurrency === 1 ? '' : 's'} over ${connections}`
      : `open loop, ${formatCount(config.ratePerSecond ?? 0)} calls/s (${config.arrivals}) over ${connections}`;
  const lengths = [
    config.requests === null ? '' : `${formatCount(config.requests)} calls`,
    config.durationMs === null ? '' : formatSpan(config.durationMs),
  ];
  const length = lengths.filter((text) => text !== '').join(' or ');
  const warmup = config.warmupMs === 0 ? 'no warm-up' : `after ${formatSpan(config.warmupMs)} of warm-up`;
  const payload = config.payloadBytes === null ? '' : `, payload ${formatCount(config.payloadBytes)} bytes`;
  return `${load}, ${length} ${warmup}${payload}`;
}

/** What a reader must know before believing the figures. */
export function warnings(report: BenchReport): readonly string[] {
  const { config, result } = report;
  const found: string[] = [];
  const utilisation = result.generator.eventLoopUtilisation;
  if (result.generator.saturated) {
    found.push(
      `generator saturated (event loop ${formatShare(utilisation)} busy): latencies are partly its own; lower --rate or run several`,
    );
  }
  if (result.dropped > 0) {
    found.push(
      `${formatCount(result.dropped)} calls dropped: ${formatCount(config.maxInFlight ?? 0)} were in flight (--max-in-flight); they are in no percentile`,
    );
  }
  if (result.unfinished > 0) found.push(`${formatCount(result.unfinished)} calls had no outcome when the run ended`);
  if (result.calls > 0 && result.ok === 0) found.push('no call succeeded: there are no latencies');
  return found;
}

function formatTotals({ config, result }: BenchReport, style: Style): string {
  const { cpuUsPerCall, eventLoopUtilisation } = result.generator;
  const errors =
    result.errors === 0 ? '0' : style.bad(`${formatCount(result.errors)} (${formatShare(result.errorShare)})`);
  const rows = [
    ['throughput', style.bold(`${formatCount(result.callsPerSecond)} calls/s`)],
    ['calls', `${formatCount(result.calls)} in ${formatSpan(result.windowMs)}`],
    ['errors', errors],
    ['retries', formatCount(result.retries)],
  ];
  if (config.loop === 'open') rows.push(['dropped', formatCount(result.dropped)]);
  rows.push([
    'this process',
    `${cpuUsPerCall === null ? '-' : cpuUsPerCall.toFixed(2)} us CPU per call, event loop ${formatShare(eventLoopUtilisation)} busy`,
  ]);
  return formatTable({ rows, align: 'll' });
}

function formatLatencies({ config, result }: BenchReport): string {
  const { responseTime, serviceTime, lateStart } = result;
  if (responseTime === null) return '';
  const row = (name: string, summary: LatencySummary | null): string[] =>
    summary === null
      ? []
      : [
          name,
          ...PERCENTILES.map(({ field }) => formatMs(summary[field])),
          formatMs(summary.maxMs),
          formatMs(summary.meanMs),
          formatMs(summary.stdevMs),
        ];
  // In a closed loop a call is due when it is sent, so that there is one latency.
  const rows =
    config.loop === 'closed'
      ? [row('latency', responseTime)]
      : [row('response time', responseTime), row('service time', serviceTime), row('late start', lateStart)];
  const head = ['', ...PERCENTILES.map(({ label }) => label), 'max', 'mean', 'stdev'];
  return formatTable({ head, rows: rows.filter((cells) => cells.length > 0), align: 'l' });
}

function formatErrors({ result }: BenchReport, style: Style): string {
  const rows = result.errorsByCode.map(({ code, count, example }) => [
    style.bad(code),
    formatCount(count),
    formatShare(count / result.calls),
    example,
  ]);
  return formatTable({ head: ['error', 'calls', 'share', 'the first one'], rows, align: 'lrrl' });
}

function formatEndpoints({ result }: BenchReport, style: Style): string {
  const rows = result.endpoints.map(({ endpoint, calls, errors, p50Ms, p99Ms }) => [
    plainText(endpoint),
    formatCount(calls),
    formatShare(result.calls === 0 ? 0 : calls / result.calls),
    errors === 0 ? '0' : style.bad(formatCount(errors)),
    formatMs(p50Ms),
    formatMs(p99Ms),
  ]);
  return formatTable({ head: ['endpoint', 'calls', 'share', 'errors', 'p50', 'p99'], rows, align: 'l' });
}
