/** Colours a text, or leaves it as it is where colours are not wanted. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
}

/**
 * The colours of a stream: ANSI on a terminal, none elsewhere or when `NO_COLOR` is set to anything but the empty string.
 * Source of the convention: https://no-color.org.
 */
export function createStyle(isTerminal: boolean, environment: Readonly<Record<string, string | undefined>>): Style {
  const coloured = isTerminal && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
  const paint = (code: number) => (text: string) =>
    coloured && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  return { bold: paint(1), dim: paint(2), good: paint(32), bad: paint(31), warn: paint(33) };
}

/** How many columns a text takes: colour codes take none. */
export function visibleWidth(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC is what begins a colour code.
  return text.replace(/\u001b\[\d+m/g, '').length;
}
