import { formatCount, formatMs, formatShare } from '../../format/units.js';
import { type LatencySummary, PERCENTILES } from '../load/latency-histogram.js';
import { formatChart } from './chart.js';
import type { BenchReport } from './report.js';
import { REPORT_CSS } from './report-css.js';
import { describeLoad, warnings } from './report-text.js';

/** The report as one HTML file that needs nothing else: no script, no font, no address. */
export function formatHtml(report: BenchReport): string {
  const { config, environment, result } = report;
  const title = escapeHtml(`${config.service}.${config.method}`);
  const notes = [
    ...warnings(report),
    ...(result.complete ? [] : ['interrupted: these figures are of a part of the run']),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>rpc bench ${title}</title>
<style>${REPORT_CSS}</style>
</head>
<body>
<header><h1>${title}</h1><p>${escapeHtml(describeLoad(config))}</p></header>
${notes.map((note) => `<p class="warning">${escapeHtml(note)}</p>`).join('\n')}
${tiles(report)}
<section><h2>Second by second</h2>${formatChart(result.series)}</section>
<section><h2>Latency</h2>${latencyTable(report)}</section>
${section('Errors', errorTable(report), result.errorsByCode.length > 0)}
${section('Endpoints', endpointTable(report), result.endpoints.length > 0)}
<section><h2>How it was measured</h2>${definitions(report)}</section>
<footer>rpc ${escapeHtml(report.tool.version)}, node ${escapeHtml(environment.node)}, ${escapeHtml(report.startedAt)}</footer>
</body>
</html>
`;
}

/** Text that is safe between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

function section(title: string, content: string, wanted: boolean): string {
  return wanted ? `<section><h2>${title}</h2>${content}</section>` : '';
}

function tiles({ result }: BenchReport): string {
  const { responseTime, generator } = result;
  const cells = [
    ['throughput', `${formatCount(result.callsPerSecond)}<small> calls/s</small>`],
    ['p50', formatMs(responseTime?.p50Ms)],
    ['p99', formatMs(responseTime?.p99Ms)],
    ['p99.9', formatMs(responseTime?.p999Ms)],
    ['errors', formatShare(result.errorShare)],
    ['client CPU', `${generator.cpuUsPerCall?.toFixed(2) ?? '-'}<small> us/call</small>`],
  ];
  return `<div class="tiles">${cells.map(([name, value]) => `<div><span>${name}</span><b>${value}</b></div>`).join('')}</div>`;
}

function latencyTable({ config, result }: BenchReport): string {
  const kinds: readonly (readonly [string, LatencySummary | null])[] =
    config.loop === 'closed'
      ? [['latency', result.responseTime]]
      : [
          ['response time', result.responseTime],
          ['service time', result.serviceTime],
          ['late start', result.lateStart],
        ];
  const head = ['', ...PERCENTILES.map(({ label }) => label), 'max', 'mean', 'stdev'];
  const rows = kinds.map(([name, summary]) => [
    name,
    ...PERCENTILES.map(({ field }) => formatMs(summary?.[field])),
    formatMs(summary?.maxMs),
    formatMs(summary?.meanMs),
    formatMs(summary?.stdevMs),
  ]);
  return table(head, rows);
}

function errorTable({ result }: BenchReport): string {
  const rows = result.errorsByCode.map(({ code, count, example }) => [
    code,
    formatCount(count),
    formatShare(count / result.calls),
    example,
  ]);
  return table(['code', 'calls', 'share', 'the first one'], rows);
}

function endpointTable({ result }: BenchReport): string {
  const rows = result.endpoints.map(({ endpoint, calls, errors, p50Ms, p99Ms }) => [
    endpoint,
    formatCount(calls),
    formatShare(result.calls === 0 ? 0 : calls / result.calls),
    formatCount(errors),
    formatMs(p50Ms),
    formatMs(p99Ms),
  ]);
  return table(['endpoint', 'calls', 'share', 'errors', 'p50', 'p99'], rows);
}

function definitions({ config, environment, result }: BenchReport): string {
  const entries: [string, string | number | null][] = [
    ...Object.entries(config).map(([name, value]): [string, string | number | null] => [
      name,
      typeof value === 'boolean' ? String(value) : value,
    ]),
    ...Object.entries(environment),
    ['calls', formatCount(result.calls)],
    ['windowMs', formatCount(result.windowMs)],
    ['warmupCalls', formatCount(result.warmupCalls)],
    ['retries', formatCount(result.retries)],
    ['dropped', formatCount(result.dropped)],
    ['eventLoopUtilisation', formatShare(result.generator.eventLoopUtilisation)],
  ];
  const known = entries.filter(([, value]) => value !== null);
  return `<dl>${known.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(String(value))}</dd>`).join('')}</dl>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  const body = rows.map((cells) => line(cells, 'td')).join('');
  return `<div class="scroll"><table><thead>${line(head, 'th')}</thead><tbody>${body}</tbody></table></div>`;
}
