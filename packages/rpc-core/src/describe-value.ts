import { plainText } from './plain-text.js';

/** A wrong value as an error message shows it, always short: text is quoted and cut, objects show only their kind. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return describeText(value);
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'bigint' ? 'a bigint' : String(value);
}

const SHOWN_LENGTH_MAX = 60;

function describeText(text: string): string {
  // JSON does not escape what controls a terminal or turns the direction of a line.
  if (text.length <= SHOWN_LENGTH_MAX) return plainText(JSON.stringify(text));
  return `${plainText(JSON.stringify(text.slice(0, SHOWN_LENGTH_MAX)))}... (${text.length} characters)`;
}
