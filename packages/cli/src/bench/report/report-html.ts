import { formatCount, formatMs, formatShare } from '../../format/units.js';
import { type LatencySummary, PERCENTILES } from '../load/latency-histogram.js';
import { formatChart } from './chart.js';
import type { BenchReport } from './report.js';
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

/** The looks of the report, light or dark as the reader's system prefers. */
const REPORT_CSS = `
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667085; --line: #e4e7ec; --paper: #fff; --card: #f7f8fa;
  --rate: #2e7d6b; --p50: #3b6fd4; --p99: #d4763b; --bad: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3240; --paper: #12161e;
  --card: #1a202b; --rate: #4fb89f; --p50: #7aa5f5; --p99: #f0a06a; --bad: #ef6f61; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1000px; padding: 32px 20px 48px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { margin: 0; font-size: 26px; letter-spacing: -0.01em; }
h2 { margin: 36px 0 12px; font-size: 16px; }
header p, footer, .tiles span, dt, th { color: var(--soft); }
header p { margin: 4px 0 0; }
footer { margin-top: 40px; font-size: 13px; }
.warning { margin: 16px 0 0; padding: 8px 12px; border-left: 3px solid var(--p99); background: var(--card); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin-top: 24px; }
.tiles div { padding: 12px 14px; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
.tiles span { display: block; font-size: 13px; }
.tiles b { font-size: 22px; font-weight: 600; }
.tiles small { font-size: 13px; font-weight: 400; color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 6px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); font-weight: 400; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0; font-size: 14px; }
dd { margin: 0; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11px; }
svg .grid { stroke: var(--line); }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
svg .rate { stroke: var(--rate); } svg .p50 { stroke: var(--p50); } svg .p99 { stroke: var(--p99); }
svg .area { fill: var(--rate); opacity: 0.12; } svg .bad { fill: var(--bad); }
svg .hit { fill: transparent; } svg .hit:hover { fill: var(--soft); opacity: 0.15; }
.legend { display: flex; gap: 18px; margin: 0 0 6px; color: var(--soft); font-size: 13px; }
.legend i { display: inline-block; width: 14px; height: 3px; margin-right: 6px; vertical-align: middle; }
`;
