import { formatCount, formatMs, formatSpan } from '../../format/units.js';
import type { Interval } from '../load/recorder.js';

/** One of the two panels of the chart: its place, and how values become heights. */
interface Panel {
  readonly top: number;
  readonly title: string;
  readonly max: number;
  readonly label: (value: number) => string;
}

const WIDTH = 960;
const LEFT = 70;
const RIGHT = 12;
const PANEL_HEIGHT = 170;
const GRID_LINES = 4;
/** More points than pixels show nothing more: a longer run is drawn by every n-th second. */
const POINTS_MAX = 600;
/** The rest of a second at the end says nothing of the speed. */
const INTERVAL_MIN_MS = 500;

/**
 * Throughput and latency second by second as two panels of inline SVG, with the figures of a second as the title of its
 * column. A run shorter than two seconds has no course to draw.
 */
export function formatChart(series: readonly Interval[]): string {
  const whole = series.filter(({ durationMs }) => durationMs >= INTERVAL_MIN_MS);
  if (whole.length < 2) return '<p>The run was too short for a chart: it takes two seconds.</p>';
  const step = Math.ceil(whole.length / POINTS_MAX);
  const points = whole.filter((_, index) => index % step === 0);
  const rate = panel(24, 'calls/s', Math.max(...points.map(({ callsPerSecond }) => callsPerSecond)), formatCount);
  const latencies = points.flatMap(({ p50Ms, p99Ms }) => [p50Ms ?? 0, p99Ms ?? 0]);
  const latency = panel(24 + PANEL_HEIGHT + 44, 'latency', Math.max(...latencies), formatMs);
  const height = latency.top + PANEL_HEIGHT + 24;
  const first = points[0]!;
  const last = points.at(-1)!;
  return `<p class="legend"><span><i style="background:var(--rate)"></i>calls/s</span><span><i style="background:var(--p50)"></i>p50</span><span><i style="background:var(--p99)"></i>p99</span></p>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="throughput and latency second by second">
${frame(rate)}${frame(latency)}
${area(points, rate)}
${line('rate', points, rate, (point) => point.callsPerSecond)}
${line('p50', points, latency, (point) => point.p50Ms)}
${line('p99', points, latency, (point) => point.p99Ms)}
${points.map((point, index) => column(point, index, points.length, height)).join('')}
<text x="${LEFT}" y="${height - 4}">${formatSpan(endMs(first))}</text>
<text x="${WIDTH - RIGHT}" y="${height - 4}" text-anchor="end">${formatSpan(endMs(last))}</text>
</svg>`;
}

function endMs({ startMs, durationMs }: Interval): number {
  return Math.round((startMs + durationMs) / 1000) * 1000;
}

/** A panel whose scale ends at a round number: 1, 2 or 5 times a power of ten, in steps of a quarter. */
function panel(top: number, title: string, highest: number, label: (value: number) => string): Panel {
  const power = 10 ** Math.floor(Math.log10(Math.max(highest, 1e-6)));
  const max = [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((candidate) => candidate >= highest);
  return { top, title, max: max ?? highest, label };
}

function xOf(index: number, count: number): number {
  return LEFT + (index * (WIDTH - LEFT - RIGHT)) / (count - 1);
}

function yOf(value: number, { top, max }: Panel): number {
  return top + PANEL_HEIGHT * (1 - value / max);
}

function frame({ top, title, max, label }: Panel): string {
  const lines = Array.from({ length: GRID_LINES + 1 }, (_, index) => {
    const y = top + (PANEL_HEIGHT * index) / GRID_LINES;
    const value = max * (1 - index / GRID_LINES);
    return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/><text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${label(value)}</text>`;
  });
  return `<text x="${LEFT}" y="${top - 10}">${title}</text>${lines.join('')}`;
}

/** A line that breaks where a second has no value. */
function line(
  name: string,
  points: readonly Interval[],
  scale: Panel,
  read: (point: Interval) => number | null,
): string {
  let pen = 'M';
  const path = points.map((point, index) => {
    const value = read(point);
    if (value === null) {
      pen = 'M';
      return '';
    }
    const command = `${pen}${xOf(index, points.length).toFixed(1)} ${yOf(value, scale).toFixed(1)}`;
    pen = 'L';
    return command;
  });
  return `<path class="line ${name}" d="${path.join('')}"/>`;
}

function area(points: readonly Interval[], scale: Panel): string {
  const bottom = scale.top + PANEL_HEIGHT;
  const tops = points.map(
    (point, index) => `L${xOf(index, points.length).toFixed(1)} ${yOf(point.callsPerSecond, scale).toFixed(1)}`,
  );
  return `<path class="area" d="M${LEFT} ${bottom}${tops.join('')}L${WIDTH - RIGHT} ${bottom}Z"/>`;
}

/** The column of a second: what a pointer that rests on it is told, and a mark when calls failed or were dropped. */
function column(point: Interval, index: number, count: number, height: number): string {
  const width = (WIDTH - LEFT - RIGHT) / (count - 1);
  const x = xOf(index, count);
  const facts = [
    formatSpan(endMs(point)),
    `${formatCount(point.callsPerSecond)} calls/s`,
    `p50 ${formatMs(point.p50Ms)}`,
    `p99 ${formatMs(point.p99Ms)}`,
    `errors ${formatCount(point.errors)}`,
    `dropped ${formatCount(point.dropped)}`,
  ];
  const failing = point.errors + point.dropped > 0;
  const mark = failing ? `<circle class="bad" cx="${x.toFixed(1)}" cy="${24 + PANEL_HEIGHT + 12}" r="3"/>` : '';
  return `${mark}<rect class="hit" x="${(x - width / 2).toFixed(1)}" y="20" width="${width.toFixed(1)}" height="${height - 44}"><title>${facts.join(', ')}</title></rect>`;
}
