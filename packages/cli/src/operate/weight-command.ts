import { weighInstance } from '@org/rpc-console';
import { formatJson, plainText } from '@org/rpc-core/internal';
import { CliError, EXIT } from '../cli-error.js';
import type { Command } from '../command.js';
import type { CommandLine } from '../options/command-line.js';
import { CONNECTION_SPECS, connectionOptions } from '../options/connection-options.js';
import { authorOf } from '../options/rules-author.js';
import { namedNamespace, namedRegistry, openRegistry } from '../registry.js';
import type { Terminal } from '../terminal.js';
import { findInstance } from './find-instance.js';

const WEIGHT_MAX = 10_000;

/** `rpc weight`: more or fewer calls for one instance. */
export const weightCommand: Command = {
  name: 'weight',
  summary: 'give one instance more or fewer of the calls, by the rules of its services',
  usage: ['rpc weight <instance|host:port> <number> [options]', 'rpc weight <instance|host:port> reset [options]'],
  options: {
    ...CONNECTION_SPECS,
    service: {
      type: 'string',
      value: '<name>',
      help: 'for the callers of this service; default: of all that it serves',
    },
    json: { type: 'boolean', help: 'print as JSON' },
  },
  notes: [
    'The number is a share relative to the other instances, 0 to 10000, 100 where nothing is said; with 0 it is called only',
    'when all others are gone. It is written into the rule weight: rpc rules history shows it, rollback takes it back.',
    'It needs a registry that has rules, and no orders from the instance. reset makes its own weight count again.',
  ],
  examples: ['rpc weight shop-7f9c 10', 'rpc weight 10.0.0.7:4399 0 --service shop', 'rpc weight shop-7f9c reset'],
  run: runWeight,
};

async function runWeight(line: CommandLine, terminal: Terminal): Promise<number> {
  const [word, number, ...rest] = line.positionals;
  if (word === undefined || number === undefined || rest.length > 0)
    throw new CliError('name one instance and its weight, or reset');
  const weight = readWeight(number);
  const { registry, namespace } = connectionOptions(line, terminal.environment);
  const open = openRegistry(namedRegistry(registry), namedNamespace(namespace, terminal.environment), terminal);
  try {
    const { store } = open.rules();
    const { endpoint, services } = await findInstance(open, word);
    const only = line.text('service');
    if (only !== undefined && !services.includes(only))
      throw new CliError(`${word} does not serve ${only}; it serves ${services.join(', ')}`);
    const changes = [];
    for (const service of only === undefined ? services : [only]) {
      const comment = `rpc weight ${endpoint.id} ${number}`;
      changes.push(await weighInstance(store, service, endpoint.id, weight, comment, authorOf(terminal)));
    }
    if (line.flag('json')) terminal.out(`${formatJson({ instance: endpoint.id, weight: weight ?? null, changes })}\n`);
    else
      for (const { service, version } of changes) {
        const said = weight === undefined ? `${endpoint.weight}, its own` : String(weight);
        const how = version === undefined ? 'as before' : `rules version ${version}`;
        terminal.out(`${plainText(`${service}: ${endpoint.id} weighs ${said} (${how})`)}\n`);
      }
    return EXIT.ok;
  } finally {
    await open.close();
  }
}

/** @throws CliError */
function readWeight(text: string): number | undefined {
  if (text === 'reset') return undefined;
  const weight = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && weight <= WEIGHT_MAX) return weight;
  throw new CliError(`the weight '${text}' is no number from 0 to ${WEIGHT_MAX}, and not reset`);
}
