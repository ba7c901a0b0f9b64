import { formatCount, formatMs, formatShare } from '../../format/units.js';
import { type LatencySummary, PERCENTILES } from '../load/latency-histogram.js';
import type { BenchReport } from './report.js';

/** One figure of a report that can be compared and bounded. */
export interface Metric {
  /** How it is named on the command line and in tables. */
  readonly name: string;
  readonly kind: 'latency' | 'share' | 'count' | 'rate' | 'cpu';
  /** Which direction is an improvement. */
  readonly better: 'lower' | 'higher';
  /** `undefined` when the report has no such figure because nothing succeeded. */
  read(report: BenchReport): number | undefined;
}

/** All of them, in the order in which they are shown. */
export const METRICS: readonly Metric[] = [
  { name: 'rps', kind: 'rate', better: 'higher', read: (report) => report.result.callsPerSecond },
  { name: 'mean', kind: 'latency', better: 'lower', read: (report) => response(report)?.meanMs },
  ...PERCENTILES.map(({ field, label }) => percentileMetric(label, field)),
  { name: 'max', kind: 'latency', better: 'lower', read: (report) => response(report)?.maxMs },
  { name: 'errors', kind: 'share', better: 'lower', read: (report) => report.result.errorShare },
  { name: 'dropped', kind: 'count', better: 'lower', read: (report) => report.result.dropped },
  { name: 'retries', kind: 'count', better: 'lower', read: (report) => report.result.retries },
  { name: 'cpu', kind: 'cpu', better: 'lower', read: (report) => report.result.generator.cpuUsPerCall ?? undefined },
];

/** A metric's value with its unit. */
export function formatMetric(metric: Metric, value: number | undefined): string {
  if (value === undefined) return '-';
  switch (metric.kind) {
    case 'latency':
      return formatMs(value);
    case 'share':
      return formatShare(value);
    case 'rate':
      return `${formatCount(value)}/s`;
    case 'cpu':
      return `${value.toFixed(2)} us/call`;
    case 'count':
      return formatCount(value);
  }
}

function percentileMetric(name: string, field: keyof LatencySummary): Metric {
  return { name, kind: 'latency', better: 'lower', read: (report) => response(report)?.[field] };
}

function response(report: BenchReport): LatencySummary | undefined {
  return report.result.responseTime ?? undefined;
}
