import { visibleWidth } from './style.js';

/** A table for people: cells are padded, never cut. */
export interface Table {
  /** The heads of the columns; left out for a table without heads. */
  readonly head?: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** One letter a column, `l` or `r`; columns beyond it are aligned right. */
  readonly align: string;
}

/**
 * Lays a table out in columns two blanks apart, each line indented by two and without blanks at its end.
 * @returns the lines, each with its line end; nothing for a table without rows
 */
export function formatTable({ head, rows, align }: Table): string {
  if (rows.length === 0) return '';
  const lines = head === undefined ? rows : [head, ...rows];
  const columns = Math.max(...lines.map((line) => line.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...lines.map((line) => visibleWidth(line[column] ?? ''))),
  );
  const formatLine = (line: readonly string[]): string => {
    const cells = widths.map((width, column) => pad(line[column] ?? '', width, align[column] === 'l'));
    return `  ${cells.join('  ')}`.trimEnd();
  };
  return `${lines.map(formatLine).join('\n')}\n`;
}

function pad(text: string, width: number, left: boolean): string {
  const blanks = ' '.repeat(width - visibleWidth(text));
  return left ? text + blanks : blanks + text;
}
