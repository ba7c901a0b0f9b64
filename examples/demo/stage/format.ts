/** Colours a text, or leaves it as it is where colours are not wanted. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
}

/** The colours of a terminal; none elsewhere, or when `NO_COLOR` is set (see https://no-color.org). */
export function createStyle(isTerminal: boolean): Style {
  const isColoured = isTerminal && !process.env['NO_COLOR'];
  const paint = (code: number) => (text: string) =>
    isColoured && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  return { bold: paint(1), dim: paint(2), good: paint(32), bad: paint(31), warn: paint(33) };
}

/** A whole number with a comma between the thousands. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Milliseconds in the unit that reads best: `87 us`, `1.2 ms`, `45 ms`, `1.50 s`; `-` for none. */
export function formatMs(valueMs: number | undefined): string {
  if (valueMs === undefined) return '-';
  if (valueMs < 0.9995) return `${Math.round(valueMs * 1000)} us`;
  if (valueMs < 9.95) return `${valueMs.toFixed(1)} ms`;
  if (valueMs < 999.5) return `${Math.round(valueMs)} ms`;
  return `${(valueMs / 1000).toFixed(2)} s`;
}

/** Seconds since the start, always with one decimal, so that columns hold still. */
export function formatSeconds(valueMs: number): string {
  return `${(valueMs / 1000).toFixed(1)} s`;
}

/** How many columns a text takes: colours take none. */
export function visibleWidth(text: string): number {
  return text.replace(COLOUR, '').length;
}

/** The text without what is beyond so many columns. */
export function cut(text: string, columns: number): string {
  if (visibleWidth(text) <= columns) return text;
  // A cut within a colour would leave it on.
  return text.replace(COLOUR, '').slice(0, columns);
}

/** Fills a text up with blanks. */
export function pad(text: string, columns: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, columns - visibleWidth(text)));
  return align === 'left' ? text + blanks : blanks + text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: ESC is what begins a colour.
const COLOUR = /\u001b\[\d+m/g;
