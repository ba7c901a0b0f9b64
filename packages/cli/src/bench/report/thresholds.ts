import { CliError } from '../../cli-error.js';
import { didYouMean } from '../../options/nearest.js';
import { parseDurationMs } from '../../options/values.js';
import { formatMetric, METRICS, type Metric } from './metrics.js';
import type { BenchReport } from './report.js';

/** A bound of `--fail-on`: the bench has failed when it is true. */
export interface Threshold {
  /** As the user wrote it. */
  readonly text: string;
  readonly metric: Metric;
  readonly operator: '>' | '<';
  /** In the unit of the metric; for `relative`, the change as a share: `+10%` is 0.1. */
  readonly bound: number;
  /** Whether the bound is a change against the baseline. */
  readonly relative: boolean;
}

/**
 * Reads `p99>10ms,errors>0.1%,rps<5000,p50>+10%`.
 * @param hasBaseline - whether there is something that a change can be relative to
 * @throws CliError for what it does not understand, with what it accepts
 */
export function parseThresholds(text: string, hasBaseline: boolean): readonly Threshold[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '').map((part) => parseThreshold(part, hasBaseline));
}

/** The thresholds that were crossed, each with what was measured: one line each. */
export function crossedThresholds(
  thresholds: readonly Threshold[],
  report: BenchReport,
  baseline: BenchReport | undefined,
): readonly string[] {
  return thresholds.flatMap(({ text, metric, operator, bound, relative }) => {
    const value = metric.read(report);
    // Without a single success there is no latency, and a bound on it counts as crossed.
    if (value === undefined) return [`${text}: nothing was measured, as no call succeeded`];
    const before = baseline === undefined ? undefined : metric.read(baseline);
    if (relative && before === undefined) return [`${text}: the baseline has no ${metric.name}`];
    const limit = relative ? before! * (1 + bound) : bound;
    const crossed = operator === '>' ? value > limit : value < limit;
    if (!crossed) return [];
    const against = relative ? ` (baseline ${formatMetric(metric, before)})` : '';
    return [`${text}: it is ${formatMetric(metric, value)}${against}`];
  });
}

function parseThreshold(text: string, hasBaseline: boolean): Threshold {
  const match = /^([\w.]+)\s*([<>])\s*(\S+)$/.exec(text);
  if (match === null)
    throw new CliError(`--fail-on '${text}' is not understood; write it like 'p99>10ms' or 'errors>0.1%'`);
  const [, name = '', operator, value = ''] = match;
  const metric = METRICS.find((candidate) => candidate.name === name);
  if (metric === undefined) {
    const names = METRICS.map((candidate) => candidate.name);
    throw new CliError(
      `--fail-on '${text}': there is no ${name}${didYouMean(name, names)} It knows ${names.join(', ')}`,
    );
  }
  const change = /^([+-]\d+(?:\.\d+)?)%$/.exec(value);
  if (change !== null && !hasBaseline) {
    throw new CliError(`--fail-on '${text}' is a change: give the report to compare with as --compare <file>`);
  }
  const bound = change === null ? parseBound(metric, value) : Number(change[1]) / 100;
  if (bound === undefined) {
    throw new CliError(`--fail-on '${text}': '${value}' is no ${EXPECTED[metric.kind]}`);
  }
  return { text, metric, operator: operator as '>' | '<', bound, relative: change !== null };
}

const EXPECTED: Readonly<Record<Metric['kind'], string>> = {
  latency: 'time such as 500us or 10ms',
  share: 'share such as 0.1%',
  count: 'number',
  rate: 'number of calls a second',
  cpu: 'number of microseconds',
};

function parseBound(metric: Metric, value: string): number | undefined {
  if (metric.kind === 'latency') return parseDurationMs(value);
  const match = metric.kind === 'share' ? /^(\d+(?:\.\d+)?)%$/.exec(value) : /^(\d+(?:\.\d+)?)$/.exec(value);
  if (match === null) return undefined;
  return metric.kind === 'share' ? Number(match[1]) / 100 : Number(match[1]);
}
