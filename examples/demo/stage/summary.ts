import { formatCount, formatMs, formatSeconds, type Style } from './format.js';
import { CALLERS, type Report } from './messages.js';
import type { Result } from './play.js';

/** The end of the demo in a few lines, and whether all went as it should. */
export interface Summary {
  readonly lines: readonly string[];
  readonly isGood: boolean;
}

/** Sums up. */
export function summarize(report: Report, result: Result, style: Style): Summary {
  const { calls, failed, retries, elapsedMs, latency } = report;
  const { quietAfterMs, firstCallAfterMs, leftAfterMs } = result;
  const isGood =
    failed === 0 && calls > 0 && [quietAfterMs, firstCallAfterMs, leftAfterMs].every((ms) => ms !== undefined);
  const rows: [label: string, text: string][] = [
    ['calls made', `${formatCount(calls)} in ${formatSeconds(elapsedMs)}`],
    ['calls failed', failed === 0 ? style.good('0') : style.bad(formatCount(failed))],
    [
      'throughput',
      `${formatCount((calls * 1000) / Math.max(1, elapsedMs))} calls/s, ${CALLERS} callers in one process`,
    ],
    ['latency', `p50 ${formatMs(latency.p50)}, p99 ${formatMs(latency.p99)}, p99.9 ${formatMs(latency.p999)}`],
    ['retries', formatCount(retries)],
    [`${result.killed} killed`, after(quietAfterMs, style, 'later it got no more calls', 'the client never noticed')],
    [
      `${result.joined} joined`,
      after(firstCallAfterMs, style, 'after it listened it had answered its first call', 'it never got a call'),
    ],
    [
      `${result.drained} drained`,
      after(leftAfterMs, style, 'after SIGTERM it was gone', 'it did not end with exit code 0'),
    ],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, text]) => `  ${style.dim(`${label.padStart(width)}:`)} ${text}`);
  return { lines, isGood };
}

function after(durationMs: number | undefined, style: Style, what: string, otherwise: string): string {
  return durationMs === undefined ? style.bad(otherwise) : `${formatMs(durationMs)} ${what}`;
}
