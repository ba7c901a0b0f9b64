import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { CliError, EXIT } from '../cli-error.js';
import type { Command } from '../command.js';
import type { CommandLine } from '../options/command-line.js';
import type { Terminal } from '../terminal.js';
import { loaderFor } from './loader.js';

/** What is passed on: a stop, and the reload of workers. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** `rpc serve`: runs a program whose server listens, by several processes. */
export const serveCommand: Command = {
  name: 'serve',
  summary: 'run a program whose server listens, by several processes on one port',
  usage: ['rpc serve <file> [options] [-- arguments of the program]'],
  options: {
    workers: {
      type: 'string',
      value: '<n>',
      help: 'how many processes, 1 to 256; auto is one for each core, the default',
    },
    port: { type: 'string', value: '<n>', help: 'the port, where the program names none (also: RPC_PORT)' },
  },
  notes: [
    'The program calls server.listen(): there it gets its workers, as by listen({ workers }).',
    'SIGHUP starts new workers in place of those that run, and loses no call; SIGTERM and SIGINT stop all in order.',
    'TypeScript runs where Node.js runs it, else by tsx, if that is installed beside the program.',
  ],
  examples: ['rpc serve server.js', 'rpc serve server.ts --workers 4 --port 4399'],
  run: runServe,
};

async function runServe(line: CommandLine, terminal: Terminal): Promise<number> {
  const [given, ...args] = line.positionals;
  if (given === undefined) throw new CliError('name the program: rpc serve server.js');
  const file = resolve(given);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isFile() !== true) throw new CliError(`there is no file ${file}`);
  const workers = line.text('workers') ?? 'auto';
  if (workers !== 'auto' && !inRange(workers, 1, 256))
    throw new CliError(`--workers must be auto or an integer from 1 to 256, got ${workers}`);
  const port = line.text('port');
  if (port !== undefined && !inRange(port, 1, 65_535))
    throw new CliError(`--port must be an integer from 1 to 65535, got ${port}`);
  const { environment } = terminal;
  const child = spawn(process.execPath, [...process.execArgv, ...loaderFor(file, environment), file, ...args], {
    // By RPC_SERVE the program knows that it is to say when all serve.
    env: {
      ...environment,
      RPC_WORKERS: workers,
      RPC_SERVE: String(process.pid),
      ...(port === undefined ? {} : { RPC_PORT: port }),
    },
    stdio: 'inherit',
  });
  let isAsked = false;
  const passOn = (signal: NodeJS.Signals): void => {
    isAsked ||= signal !== 'SIGHUP';
    // From a terminal it comes to the program, too, which takes a second one as an order to end at once.
    if (signal !== 'SIGINT' || !terminal.errIsTerminal) child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, passOn);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        if (code === 0 && !isAsked)
          return reject(new CliError(`${given} ended by itself: it has to await server.listen({ port })`));
        if (isAsked)
          terminal.err(`rpc serve: ${code === 0 ? 'all workers have stopped' : endLine(given, code, signal)}\n`);
        resolve(code ?? 128 + (signal === null ? EXIT.failed : constants.signals[signal]));
      });
    });
  } finally {
    for (const signal of SIGNALS) process.off(signal, passOn);
  }
}

function endLine(program: string, code: number | null, signal: NodeJS.Signals | null): string {
  return `${program} ended ${signal === null ? `with code ${code}` : `by ${signal}`}`;
}

function inRange(text: string, min: number, max: number): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= min && Number(text) <= max;
}
