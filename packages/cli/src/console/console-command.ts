import { openFleet, serveConsole } from '@org/rpc-console';
import { CliError, EXIT } from '../cli-error.js';
import type { Command } from '../command.js';
import type { CommandLine } from '../options/command-line.js';
import { CONNECTION_SPECS, connectionOptions } from '../options/connection-options.js';
import { OPERATOR_SPECS, operatorOptions } from '../options/operator-options.js';
import { countOption } from '../options/values.js';
import { namedNamespace, namedRegistry } from '../registry.js';
import type { Terminal } from '../terminal.js';

const PORT = 4_380;

/** `rpc console`: a page that shows everything. */
export const consoleCommand: Command = {
  name: 'console',
  summary: 'serve a page with services, instances, callers and rules, live',
  usage: ['rpc console [options]'],
  options: {
    ...CONNECTION_SPECS,
    ...OPERATOR_SPECS,
    port: { type: 'string', value: '<port>', help: `where the page is served; default ${PORT}; 0 takes any free one` },
    host: {
      type: 'string',
      value: '<address>',
      help: 'default 127.0.0.1; any other needs a token, and TLS in front of it',
    },
    token: {
      type: 'string',
      value: '<token>',
      help: 'who types it may change things; better in RPC_CONSOLE_TOKEN; default: nobody may',
    },
  },
  notes: [
    'It finds the servers in the registry and asks each once a second by rpc.operator: those whose createServer has the',
    'option operator, and whose token is given here. It ends with SIGINT, and keeps nothing.',
  ],
  examples: ['rpc console', 'RPC_CONSOLE_TOKEN=... RPC_OPERATOR_TOKEN=... rpc console --registry etcd://10.0.0.1:2379'],
  run: runConsole,
};

async function runConsole(line: CommandLine, terminal: Terminal): Promise<number> {
  if (line.positionals.length > 0) throw new CliError(`what is ${line.positionals[0]}? There are only options`);
  const { registry, namespace, tls, token: callerToken } = connectionOptions(line, terminal.environment);
  const { clock, random, environment } = terminal;
  const port = countOption(line, 'port', { min: 0, max: 65_535 }) ?? PORT;
  const token = line.text('token') ?? (environment['RPC_CONSOLE_TOKEN'] || undefined);
  const fleet = openFleet({
    registry: namedRegistry(registry),
    namespace: namedNamespace(namespace, environment),
    tls,
    token: callerToken,
    clock,
    random,
    ...operatorOptions(line, environment),
  });
  try {
    const served = await serveConsole(fleet, { port, host: line.text('host'), token });
    const mode =
      token === undefined ? 'it only shows; --token lets it change things' : 'whoever has the token may change things';
    terminal.out(`${served.url} (${mode})\n`);
    await new Promise<void>((resolve) => {
      const stop = terminal.onInterrupt(() => {
        stop();
        resolve();
      });
    });
    await served.close();
    return EXIT.interrupted;
  } finally {
    await fleet.close();
  }
}
