import { readFileSync } from 'node:fs';
import { CliError, failureLine } from '../../cli-error.js';
import type { Style } from '../../format/style.js';
import { formatTable } from '../../format/table.js';
import { formatMetric, METRICS } from './metrics.js';
import { type BenchReport, REPORT_SCHEMA_VERSION, type ReportConfig } from './report.js';

/** A change that is smaller than this is not coloured: two runs of the same thing differ as much. */
const NOISE_SHARE = 0.05;

/**
 * Reads the report that an earlier run printed with `--json`.
 * @throws CliError when the file cannot be read or is no such report
 */
export function readBaseline(file: string): BenchReport {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CliError(`--compare cannot read ${file}: ${failureLine(error)}`, { cause: error });
  }
  const report = parsed as Partial<BenchReport> | null;
  if (report?.schemaVersion === undefined || report.result === undefined || report.config === undefined) {
    throw new CliError(`--compare ${file} is no report of rpc bench: make one with rpc bench ... --json > ${file}`);
  }
  if (report.schemaVersion !== REPORT_SCHEMA_VERSION) {
    throw new CliError(
      `--compare ${file} has schema version ${String(report.schemaVersion)}, this version of rpc reads ${REPORT_SCHEMA_VERSION}`,
    );
  }
  return report as BenchReport;
}

/** The differences as a table: baseline, now, change; with a note when the two were not measured alike. */
export function formatComparison(baseline: BenchReport, report: BenchReport, style: Style): string {
  const rows = METRICS.map((metric) => {
    const before = metric.read(baseline);
    const now = metric.read(report);
    return [
      metric.name,
      formatMetric(metric, before),
      formatMetric(metric, now),
      change(before, now, metric.better, style),
    ];
  });
  const table = formatTable({ head: ['', 'baseline', 'now', 'change'], rows, align: 'lrrr' });
  const differing = differentConfig(baseline.config, report.config);
  if (baseline.environment.cpuModel !== report.environment.cpuModel) differing.push('cpuModel');
  if (baseline.environment.node !== report.environment.node) differing.push('node');
  const note = differing.length === 0 ? '' : `  ${style.warn(`not measured alike: ${differing.join(', ')} differ`)}\n`;
  return table + note;
}

function change(before: number | undefined, now: number | undefined, better: 'lower' | 'higher', style: Style): string {
  if (before === undefined || now === undefined) return '-';
  if (before === now) return '=';
  if (before === 0) return style.bad('new');
  const share = now / before - 1;
  const text = `${share > 0 ? '+' : ''}${(share * 100).toFixed(1)} %`;
  if (Math.abs(share) < NOISE_SHARE) return text;
  return share > 0 === (better === 'higher') ? style.good(text) : style.bad(text);
}

/** What makes two runs incomparable. The seed and the registry do not. */
const COMPARED: readonly (keyof ReportConfig)[] = [
  'service',
  'method',
  'argumentCount',
  'payloadBytes',
  'loop',
  'connections',
  'concurrency',
  'ratePerSecond',
  'arrivals',
  'timeoutMs',
  'idempotent',
];

function differentConfig(baseline: ReportConfig, config: ReportConfig): string[] {
  return COMPARED.filter((name) => baseline[name] !== config[name]);
}
