import { InstanceClient } from '@org/rpc-console';
import { isRpcError } from '@org/rpc-core';
import { formatJson, plainText } from '@org/rpc-core/internal';
import { CliError, EXIT } from '../cli-error.js';
import type { Command } from '../command.js';
import { unknownService } from '../connect.js';
import { formatTable } from '../format/table.js';
import type { CommandLine } from '../options/command-line.js';
import { CONNECTION_SPECS, connectionOptions } from '../options/connection-options.js';
import { METADATA_SPECS, metadataOptions } from '../options/metadata-options.js';
import { namedNamespace, namedRegistry, openRegistry } from '../registry.js';
import type { Terminal } from '../terminal.js';
import { schemaText } from './schema-text.js';

/** `rpc describe`: what a service can do, as one of its instances says. */
export const describeCommand: Command = {
  name: 'describe',
  summary: 'the methods of a service, with the schemas of their arguments and results',
  usage: ['rpc describe <service> [options]', 'rpc describe <service.method> [options]'],
  options: {
    ...CONNECTION_SPECS,
    ...METADATA_SPECS,
    json: { type: 'boolean', help: 'print as JSON, with whole JSON Schemas' },
  },
  notes: [
    'An instance is asked, by its service rpc.reflection: on with registries of one machine, elsewhere by reflection: true.',
    'Arguments are known where the contract has schemas of a library that gives JSON Schema.',
  ],
  examples: ['rpc describe calculator', 'rpc describe users.find --json'],
  run: runDescribe,
};

async function runDescribe(line: CommandLine, terminal: Terminal): Promise<number> {
  const [word, ...rest] = line.positionals;
  if (word === undefined || rest.length > 0) throw new CliError('name one service');
  const { registry, namespace, tls, token } = connectionOptions(line, terminal.environment);
  const open = openRegistry(namedRegistry(registry), namedNamespace(namespace, terminal.environment), terminal);
  try {
    const names = await open.services();
    const dot = word.lastIndexOf('.');
    // A service may have dots in its name.
    const service = names.includes(word) || dot < 0 ? word : word.slice(0, dot);
    const only = service === word ? undefined : word.slice(dot + 1);
    const { endpoints } = await open.snapshot(service);
    const endpoint = endpoints.find(({ state }) => state === 'up') ?? endpoints[0];
    if (endpoint === undefined) throw new CliError(unknownService(service, open.registry.display, names));
    const client = new InstanceClient(endpoint, { tls, token, metadata: metadataOptions(line) });
    const description = await client.describe(service).catch((error: unknown) => {
      if (!isRpcError(error, 'UNIMPLEMENTED')) throw error;
      throw new CliError(`${service} does not describe itself: give its createServer reflection: true`, {
        cause: error,
      });
    });
    await client.close();
    const methods = description.methods.filter(({ name }) => only === undefined || name === only);
    if (methods.length === 0 && only !== undefined) throw new CliError(`${service} has no method ${only}`);
    if (line.flag('json')) {
      terminal.out(`${formatJson({ ...description, instance: endpoint.id, methods })}\n`);
      return EXIT.ok;
    }
    terminal.out(plainText(`${service}, contract ${description.hash}, as ${endpoint.id} says`).concat('\n'));
    const rows = methods.map(({ name, kind, idempotent, timeoutMs, args, returns }) => [
      plainText(name),
      plainText(kind),
      idempotent ? 'yes' : 'no',
      timeoutMs === undefined ? '-' : `${timeoutMs} ms`,
      plainText(`${schemaText(args)} -> ${schemaText(returns)}`),
    ]);
    terminal.out(
      formatTable({ head: ['method', 'kind', 'idempotent', 'timeout', 'takes -> gives'], rows, align: 'lllrl' }),
    );
    return EXIT.ok;
  } finally {
    await open.close();
  }
}
