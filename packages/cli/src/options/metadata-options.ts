import { readFileSync } from 'node:fs';
import { CliError, failureLine } from '../cli-error.js';
import type { CommandLine, OptionSpecs } from './command-line.js';

/** The options by which metadata goes along with calls. */
export const METADATA_SPECS = {
  metadata: {
    type: 'string',
    multiple: true,
    value: '<key=value>',
    help: 'sent beside the arguments; may be repeated',
  },
  'metadata-file': {
    type: 'string',
    value: '<file>',
    help: 'lines of key=value, for what others must not see in the list of processes; # begins a remark',
  },
} as const satisfies OptionSpecs;

/**
 * Reads the options of {@link METADATA_SPECS}; what the command line says goes before what the file says.
 * @throws CliError for a pair without a key or `=`, naming the line of the file; for a file that can't be read. Neither says
 * the value, which may be a secret
 */
export function metadataOptions(line: CommandLine): Readonly<Record<string, string>> {
  const file = line.text('metadata-file');
  const pairs = file === undefined ? [] : readPairs(file);
  for (const pair of line.list('metadata')) pairs.push(splitPair(pair, '--metadata'));
  return Object.fromEntries(pairs);
}

function readPairs(file: string): [string, string][] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`--metadata-file cannot read ${file}: ${failureLine(error)}`, { cause: error });
  }
  return text.split(/\r?\n/).flatMap((each, index) => {
    const trimmed = each.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return [];
    return [splitPair(trimmed, `--metadata-file ${file}, line ${index + 1}`)];
  });
}

function splitPair(pair: string, where: string): [string, string] {
  const at = pair.indexOf('=');
  if (at <= 0) throw new CliError(`${where}: it must be key=value`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}
