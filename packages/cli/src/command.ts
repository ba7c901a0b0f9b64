import { formatTable } from './format/table.js';
import type { CommandLine, OptionSpecs } from './options/command-line.js';
import type { Terminal } from './terminal.js';

/** One command of `rpc`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The forms in which it is called, each beginning with `rpc`. */
  readonly usage: readonly string[];
  readonly options: OptionSpecs;
  /** What cannot be said in a line an option. */
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
  /**
   * Does its work and resolves with the exit code.
   * @throws CliError, RpcError or any other error, which is then told in one line
   */
  run(line: CommandLine, terminal: Terminal): Promise<number>;
}

/** The options that every command has. */
export const COMMON_SPECS = {
  verbose: { type: 'boolean', help: 'tell more: the attempts and the stack of a failure (also: RPC_DEBUG=1)' },
  help: { type: 'boolean', short: 'h', help: 'print this' },
} as const satisfies OptionSpecs;

/** The help of one command. */
export function commandHelp(command: Command): string {
  const options = Object.entries({ ...command.options, ...COMMON_SPECS } as OptionSpecs).map(([name, spec]) => [
    `${spec.short === undefined ? '    ' : `-${spec.short}, `}--${name}${spec.value === undefined ? '' : ` ${spec.value}`}`,
    spec.help,
  ]);
  return [
    `rpc ${command.name}: ${command.summary}\n`,
    section('Usage', command.usage),
    `Options\n${formatTable({ rows: options, align: 'll' })}`,
    ...(command.notes === undefined ? [] : [section('Notes', command.notes)]),
    section('Examples', command.examples),
  ].join('\n');
}

/** The help of `rpc` itself. */
export function programHelp(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [name, summary]);
  return [
    'rpc: the command line of @org/rpc\n',
    section('Usage', ['rpc <command> [arguments] [options]', 'rpc help <command>', 'rpc --version']),
    `Commands\n${formatTable({ rows, align: 'll' })}`,
    section('Exit codes', [
      '0 fine, 1 wrong usage or failure, 2 a threshold of --fail-on was crossed, 130 stopped by SIGINT',
    ]),
  ].join('\n');
}

function section(title: string, lines: readonly string[]): string {
  return `${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
