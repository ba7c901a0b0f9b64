import type { Outcome } from './scenario.js';

/** Above each column. */
const HEADINGS = ['fault', 'lasted', 'calls', 'failed', 'longest call', 'agreed after'] as const;

/** The cells of an outcome, as they are printed. */
export function cellsOf(outcome: Outcome): string[] {
  const { title, faultMs, made, failed, failedOnce, longestMs, convergedMs } = outcome;
  const ofThese = failedOnce > 0 ? ` (${failedOnce} not safe to repeat)` : '';
  return [
    title,
    seconds(faultMs),
    made.toLocaleString('en'),
    `${failed}${ofThese}`,
    `${longestMs.toFixed(0)} ms`,
    convergedMs === undefined ? 'never' : seconds(convergedMs),
  ];
}

/** A table for a terminal. */
export function textTable(outcomes: readonly Outcome[]): string {
  const rows = [HEADINGS, ...outcomes.map(cellsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) => pad(cell, widths[column]!, column))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A table for a page, with what else there is to say of each fault. */
export function markdownTable(outcomes: readonly Outcome[]): string {
  const lines = [`| ${HEADINGS.join(' | ')} |`, '|---|--:|--:|--:|--:|--:|'];
  for (const outcome of outcomes) {
    const [title, ...figures] = cellsOf(outcome);
    const remarks = [...outcome.notes, ...outcome.problems.map((problem) => `**${problem}**`)];
    const said = remarks.length > 0 ? `; ${remarks.join('; ')}` : '';
    lines.push(`| ${`${title}${said}`.replaceAll('|', '\\|').replaceAll('\n', ' ')} | ${figures.join(' | ')} |`);
  }
  return lines.join('\n');
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
