import { parseArgs } from 'node:util';
import { CliError } from '../cli-error.js';
import { didYouMean } from './nearest.js';

/** One option of a command: how it is parsed, and what the help says of it. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  /** One letter, for `-n`. */
  readonly short?: string;
  /** Whether it may be given several times. */
  readonly multiple?: boolean;
  /** What stands for the value in the help, such as `<time>`. */
  readonly value?: string;
  readonly help: string;
}

/** The options of a command by their long names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** A command line after parsing. Every name asked of it is one of the command's options. */
export interface CommandLine {
  /** What stands outside of options, in order. */
  readonly positionals: readonly string[];
  /** The value of a string option (the last one wins), `undefined` when not given. */
  text(name: string): string | undefined;
  /** Every value of a string option. */
  list(name: string): readonly string[];
  /** Whether a boolean option was given. */
  flag(name: string): boolean;
}

/** Marks a negative number while `parseArgs` looks at it, which would read `-2` as an option. */
const NEGATIVE = '\u0000';

/**
 * Parses the words after a command's name. Stricter than `parseArgs` where it matters and kinder where it does not: negative
 * numbers are arguments, and an unknown option names the nearest right one.
 *
 * @param words - the words of the command line after the command
 * @param specs - the command's options
 * @throws CliError for an unknown option, a value that is missing, or one too many
 */
export function parseCommandLine(words: readonly string[], specs: OptionSpecs): CommandLine {
  const { tokens } = parseArgs({
    args: words.map((word) => (/^-\.?\d/.test(word) ? NEGATIVE + word : word)),
    options: Object.fromEntries(
      Object.entries(specs).map(([name, { type, short }]) => [name, short === undefined ? { type } : { type, short }]),
    ),
    // Not strict, because its errors neither name the nearest option nor survive a change of Node's texts; all that it
    // checks is checked below.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(unmark(token.value));
    if (token.kind !== 'option') continue;
    const value = checkOption(token.name, token.rawName, token.value, token.inlineValue === true, specs);
    const given = values.get(token.name);
    if (given === undefined) values.set(token.name, [value]);
    else given.push(value);
  }
  return {
    positionals,
    text: (name) => values.get(name)?.at(-1),
    list: (name) => values.get(name) ?? [],
    flag: (name) => values.has(name),
  };
}

function checkOption(
  name: string,
  rawName: string,
  value: string | undefined,
  inline: boolean,
  specs: OptionSpecs,
): string {
  const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
  if (spec === undefined) {
    throw new CliError(`unknown option ${rawName}${didYouMean(name, Object.keys(specs), '--') || '; see --help'}`);
  }
  if (spec.type === 'boolean') {
    if (value !== undefined) throw new CliError(`--${name} takes no value, but was given '${unmark(value)}'`);
    return '';
  }
  // A dash alone is standard input.
  const missing = value === undefined || (!inline && value.startsWith('-') && value !== '-');
  if (missing) throw new CliError(`--${name} needs a value: --${name} ${spec.value ?? '<value>'}`);
  return unmark(value);
}

function unmark(value: string): string {
  return value.startsWith(NEGATIVE) ? value.slice(NEGATIVE.length) : value;
}
