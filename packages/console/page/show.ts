const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be shown.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** A name that somebody else has given, with what would hide or turn text made visible. It is only ever put into the page as text. */
export function show(text: string): string {
  return text.replace(HIDDEN, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Milliseconds with three digits. */
export function ms(value: number | undefined | null): string {
  if (value === undefined || value === null) return '\u2013';
  if (value < 1) return `${(value * 1000).toFixed(0)} \u00b5s`;
  if (value < 1000) return `${value.toPrecision(3)} ms`;
  return `${(value / 1000).toPrecision(3)} s`;
}

/** Calls a second. */
export function rate(value: number): string {
  if (value === 0) return '0';
  return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US');
}

/** A percentage that is not shown as nothing unless it is. */
export function percent(value: number): string {
  if (value === 0) return '0 %';
  return value < 0.01 ? '< 0.01 %' : `${value < 10 ? value.toFixed(2) : value.toFixed(1)} %`;
}

/** A span of time in its two largest units. */
export function span(value: number): string {
  const seconds = Math.max(0, Math.floor(value / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first < 0 ? 3 : first, first < 0 ? 4 : first + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

/** A count with the word for one or for several: `1 value`, `2 values`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${Math.round(value) === 1 ? one : many}`;
}

/** A count. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
