import { printable } from '@org/rpc-core/internal';
import { benchCommand } from './bench/bench-command.js';
import { callCommand } from './call/call-command.js';
import { CliError, EXIT, failureFields, failureLine, failureRemarks } from './cli-error.js';
import { COMMON_SPECS, type Command, commandHelp, programHelp } from './command.js';
import { consoleCommand } from './console/console-command.js';
import { describeCommand } from './describe/describe-command.js';
import { toTypedJson } from './format/typed-json.js';
import { lsCommand } from './ls/ls-command.js';
import { drainCommand } from './operate/drain-command.js';
import { weightCommand } from './operate/weight-command.js';
import { parseCommandLine } from './options/command-line.js';
import { didYouMean } from './options/nearest.js';
import { rulesCommand } from './rules/rules-command.js';
import { serveCommand } from './serve/serve-command.js';
import type { Terminal } from './terminal.js';
import { topCommand } from './top/top-command.js';
import { cliVersion } from './version.js';

const COMMANDS: readonly Command[] = [
  benchCommand,
  callCommand,
  consoleCommand,
  describeCommand,
  drainCommand,
  lsCommand,
  rulesCommand,
  serveCommand,
  topCommand,
  weightCommand,
];

/**
 * Runs one command line of `rpc`. Never rejects: every failure becomes one line on stderr and an exit code.
 *
 * @param words - the command line without `node` and the script
 * @param commands - what there is to run; default all of them
 * @returns the exit code, see {@link EXIT}
 */
export async function runCli(
  words: readonly string[],
  terminal: Terminal,
  commands: readonly Command[] = COMMANDS,
): Promise<number> {
  const verbose = words.includes('--verbose') || Boolean(terminal.environment['RPC_DEBUG']);
  const command = commands.find(({ name }) => name === words[0]);
  try {
    if (command === undefined) return runWithoutCommand(words, terminal, commands);
    const line = parseCommandLine(words.slice(1), { ...command.options, ...COMMON_SPECS });
    if (line.flag('help')) {
      terminal.out(commandHelp(command));
      return EXIT.ok;
    }
    return await command.run(line, terminal);
  } catch (error) {
    if (wantsJson(words)) terminal.out(`${toTypedJson({ error: failureFields(error) })}\n`);
    terminal.err(`rpc${command === undefined ? '' : ` ${command.name}`}: ${failureLine(error)}\n`);
    terminal.err(failureRemarks(error, verbose));
    if (verbose) terminal.err(`${printable(error instanceof Error ? describeStack(error) : String(error))}\n`);
    return EXIT.failed;
  }
}

function runWithoutCommand(words: readonly string[], terminal: Terminal, commands: readonly Command[]): number {
  const [word, topic] = words;
  if (word === '--version' || word === '-v') {
    terminal.out(`${cliVersion()}\n`);
    return EXIT.ok;
  }
  if (word === '--help' || word === '-h' || word === 'help') {
    const command = word === 'help' && topic !== undefined && !topic.startsWith('-') ? topic : undefined;
    terminal.out(command === undefined ? programHelp(commands) : commandHelp(named(command, commands)));
    return EXIT.ok;
  }
  if (word === undefined) {
    terminal.err(programHelp(commands));
    return EXIT.failed;
  }
  named(word, commands);
  return EXIT.failed;
}

/** @throws CliError with the names that there are */
function named(word: string, commands: readonly Command[]): Command {
  const found = commands.find(({ name }) => name === word);
  if (found !== undefined) return found;
  const names = commands.map(({ name }) => name);
  throw new CliError(`unknown command ${word}${didYouMean(word, names) || `; there are ${names.join(', ')}`}`);
}

/** Also where the command line itself is wrong: who reads JSON gets JSON. */
function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end < 0 ? undefined : end).includes('--json');
}

function describeStack(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by ${describeStack(error.cause)}` : stack;
}
