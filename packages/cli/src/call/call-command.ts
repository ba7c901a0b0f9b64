import { inspect } from 'node:util';
import { CliError, EXIT } from '../cli-error.js';
import type { Command } from '../command.js';
import { connectClients } from '../connect.js';
import { createStyle } from '../format/style.js';
import type { CommandLine } from '../options/command-line.js';
import { CONNECTION_SPECS, connectionOptions, TIMEOUT_SPEC, timeoutOption } from '../options/connection-options.js';
import { parseMethodCall } from '../options/method-name.js';
import type { Terminal } from '../terminal.js';
import { toJson } from './to-json.js';

/** `rpc call`: calls a method once and prints its result. */
export const callCommand: Command = {
  name: 'call',
  summary: 'call a method once and print its result',
  usage: ['call <service.method> [arguments] [options]'],
  options: {
    ...CONNECTION_SPECS,
    ...TIMEOUT_SPEC,
    metadata: {
      type: 'string',
      multiple: true,
      value: '<key=value>',
      help: 'sent beside the arguments; may be repeated',
    },
    json: { type: 'boolean', help: 'print the result as JSON' },
  },
  notes: ['Arguments are JSON where they parse as JSON, else strings. A word that begins with a dash goes behind --.'],
  examples: [
    'rpc call calculator.sum 1 2',
    `rpc call users.find '{"name":"ada"}' --registry etcd://10.0.0.1:2379 --metadata tenant=a --json`,
    'rpc call orders.get 7 --tls-ca ca.crt --tls-cert me.crt --tls-key me.key',
  ],
  run: runCall,
};

async function runCall(line: CommandLine, terminal: Terminal): Promise<number> {
  const { service, method, args } = parseMethodCall(line.positionals);
  const timeoutMs = timeoutOption(line);
  const metadata = parseMetadata(line.list('metadata'));
  const connected = await connectClients({ ...connectionOptions(line), service, connections: 1 }, terminal);
  try {
    const result = await connected.clients[0]!.call(service, method, args, { timeoutMs, metadata });
    if (line.flag('json')) terminal.out(`${toJson(result)}\n`);
    else terminal.out(`${inspectResult(result, terminal)}\n`);
    return EXIT.ok;
  } finally {
    await connected.close();
  }
}

/** Reads `key=value` pairs. @throws CliError for one without a key or `=` */
export function parseMetadata(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at <= 0) throw new CliError(`--metadata '${pair}' is no key=value`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function inspectResult(result: unknown, terminal: Terminal): string {
  // A string is printed as it is, so that it can be used in a shell without its quotes.
  if (typeof result === 'string') return result;
  const style = createStyle(terminal.outIsTerminal, terminal.environment);
  return inspect(result, { depth: 10, colors: style.bold('x') !== 'x', maxArrayLength: 1000 });
}
