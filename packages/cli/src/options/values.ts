import { CliError } from '../cli-error.js';
import type { CommandLine } from './command-line.js';

const DURATION_UNITS_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kib: 1024,
  m: 1_048_576,
  mib: 1_048_576,
};

/** The bounds of a number on the command line, both included. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Reads a time such as `500ms`, `10s`, `2m` into milliseconds, `undefined` when the text is none. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * DURATION_UNITS_MS[match[2]!]!;
}

/**
 * A time option in milliseconds.
 * @throws CliError when it is no time or out of bounds
 */
export function durationOption(line: CommandLine, name: string, bounds: Bounds): number | undefined {
  const text = line.text(name);
  if (text === undefined) return undefined;
  const value = parseDurationMs(text);
  if (value === undefined) {
    throw new CliError(`--${name} '${text}' is not a time; write it like 500ms, 10s or 2m`);
  }
  return checkBounds(name, text, value, bounds, ' ms');
}

/**
 * A whole number option; `1e6` and `20_000` are understood.
 * @throws CliError when it is no whole number or out of bounds
 */
export function countOption(line: CommandLine, name: string, bounds: Bounds): number | undefined {
  const value = numberOption(line, name, bounds);
  if (value !== undefined && !Number.isSafeInteger(value)) {
    throw new CliError(`--${name} '${line.text(name)}' is not a whole number`);
  }
  return value;
}

/**
 * A number option.
 * @throws CliError when it is no number or out of bounds
 */
export function numberOption(line: CommandLine, name: string, bounds: Bounds): number | undefined {
  const text = line.text(name);
  if (text === undefined) return undefined;
  const value = /^-?\d[\d_]*(\.\d+)?(e\d+)?$/i.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
  if (Number.isNaN(value)) throw new CliError(`--${name} '${text}' is not a number`);
  return checkBounds(name, text, value, bounds, '');
}

/**
 * A size option in bytes: `512`, `16k`, `1MiB`.
 * @throws CliError when it is no size or out of bounds
 */
export function bytesOption(line: CommandLine, name: string, bounds: Bounds): number | undefined {
  const text = line.text(name);
  if (text === undefined) return undefined;
  const match = /^(\d+)(|b|k|kib|m|mib)$/i.exec(text);
  if (match === null) throw new CliError(`--${name} '${text}' is not a size; write it like 512, 16k or 1MiB`);
  return checkBounds(name, text, Number(match[1]) * SIZE_UNITS_BYTES[match[2]!.toLowerCase()]!, bounds, ' bytes');
}

function checkBounds(name: string, text: string, value: number, { min, max }: Bounds, unit: string): number {
  if (value >= min && value <= max) return value;
  throw new CliError(`--${name} '${text}' is out of bounds: from ${min} to ${max}${unit}`);
}
