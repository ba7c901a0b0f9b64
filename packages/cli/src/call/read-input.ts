import { createReadStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { CliError, failureLine } from '../cli-error.js';
import { parseTypedJson } from '../format/typed-json.js';
import { parseWord } from '../options/method-name.js';
import type { Terminal } from '../terminal.js';

/** A line or a list of arguments that is longer is none that a server would take. */
const INPUT_BYTES_MAX = 256 * 1_048_576;

/**
 * Reads the arguments of a call.
 * @param source - a file, or `-` for standard input
 * @throws CliError when it can't be read, is longer than 256 MiB, or is no JSON array
 */
export async function readArguments(source: string, terminal: Pick<Terminal, 'input'>): Promise<readonly unknown[]> {
  const where = source === '-' ? '--args - (standard input)' : `--args ${source}`;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of source === '-' ? terminal.input() : createReadStream(source)) {
      chunks.push(Buffer.from(chunk));
      bytes += chunks.at(-1)!.length;
      if (bytes > INPUT_BYTES_MAX) break;
    }
  } catch (error) {
    throw new CliError(`${where} cannot be read: ${failureLine(error)}`, { cause: error });
  }
  if (bytes > INPUT_BYTES_MAX) throw new CliError(`${where} is longer than ${INPUT_BYTES_MAX / 1_048_576} MiB`);
  let value: unknown;
  try {
    value = parseTypedJson(Buffer.concat(chunks).toString(), where);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CliError(`${where} is no JSON: ${failureLine(error)}`, { cause: error });
  }
  if (!Array.isArray(value)) throw new CliError(`${where} must be a JSON array of the arguments, such as [1, "tea"]`);
  return value;
}

/**
 * The lines of standard input as items, read as they are asked for: typed JSON where a line parses as JSON, else a string. Empty
 * lines are left out.
 * @throws CliError naming the line that would not arrive as it was written, or that is longer than 256 MiB
 */
export async function* readItems(
  terminal: Pick<Terminal, 'input' | 'inputIsTerminal' | 'err'>,
): AsyncGenerator<unknown> {
  if (terminal.inputIsTerminal) terminal.err('rpc call: one item a line; Ctrl+D ends them\n');
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let number = 0;
  for await (const chunk of terminal.input()) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk)))).split('\n');
    rest = lines.pop()!;
    if (rest.length > INPUT_BYTES_MAX) throw new CliError(`line ${number + 1} of standard input is too long`);
    for (const line of lines) yield* itemOf(line, ++number);
  }
  yield* itemOf(rest + decoder.end(), number + 1);
}

function* itemOf(line: string, number: number): Generator<unknown> {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (text.trim() !== '') yield parseWord(text, `line ${number} of standard input`);
}
