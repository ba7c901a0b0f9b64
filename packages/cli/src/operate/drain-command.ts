import { InstanceClient } from '@org/rpc-console';
import { isRpcError } from '@org/rpc-core';
import { formatJson, plainText } from '@org/rpc-core/internal';
import { CliError, EXIT } from '../cli-error.js';
import type { Command } from '../command.js';
import type { CommandLine } from '../options/command-line.js';
import { CONNECTION_SPECS, connectionOptions } from '../options/connection-options.js';
import { OPERATOR_SPECS, operatorOptions } from '../options/operator-options.js';
import { durationOption } from '../options/values.js';
import { namedNamespace, namedRegistry, type OpenRegistry, openRegistry } from '../registry.js';
import type { Terminal } from '../terminal.js';
import { findInstance } from './find-instance.js';

const LOOK_MS = 200;

/** `rpc drain`: one instance stops, and loses nothing. */
export const drainCommand: Command = {
  name: 'drain',
  summary: 'stop one instance: it leaves the registry, finishes what runs, and closes',
  usage: ['rpc drain <instance|host:port> [options]'],
  options: {
    ...CONNECTION_SPECS,
    ...OPERATOR_SPECS,
    wait: {
      type: 'string',
      value: '<time>',
      help: 'until the registry lists it no more, at most so long; default: not at all',
    },
    yes: { type: 'boolean', short: 'y', help: 'do not ask, as where nobody can answer or with --json' },
    json: { type: 'boolean', help: 'print as JSON' },
  },
  notes: [
    'The instance itself is asked, by its service rpc.operator: its createServer needs operator: { token }, which is given here.',
    'Where it has none, rpc weight <instance> 0 takes the calls away from it, and a signal stops it.',
    'It cannot be undone: the server closes, its process usually ends with it, and whatever runs it must start it again. rpc weight',
    '<instance> 0 takes its calls away so that rpc weight <instance> reset gives them back.',
  ],
  examples: ['rpc drain 10.0.0.7:4399 --wait 30s', 'RPC_OPERATOR_TOKEN=... rpc drain shop-7f9c'],
  run: runDrain,
};

async function runDrain(line: CommandLine, terminal: Terminal): Promise<number> {
  const [word, ...rest] = line.positionals;
  if (word === undefined || rest.length > 0) throw new CliError('name one instance, by its id or its address');
  const { registry, namespace, tls, token } = connectionOptions(line, terminal.environment);
  const identity = operatorOptions(line, terminal.environment);
  const waitMs = durationOption(line, 'wait', { min: 0, max: 3_600_000 });
  const open = openRegistry(namedRegistry(registry), namedNamespace(namespace, terminal.environment), terminal);
  try {
    const { endpoint, services } = await findInstance(open, word);
    const meaning = await meaningOf(open, endpoint.id, services);
    terminal.err(`${plainText(meaning)}\n`);
    const mayAsk = terminal.inputIsTerminal && terminal.errIsTerminal && !line.flag('yes') && !line.flag('json');
    if (mayAsk && !(await isSure(terminal))) throw new CliError('nothing was done');
    const client = new InstanceClient(endpoint, { tls, token, ...identity });
    try {
      await client.drain();
    } catch (error) {
      if (!isRpcError(error, 'UNIMPLEMENTED')) throw error;
      const instead = `rpc weight ${endpoint.id} 0 takes its calls away`;
      throw new CliError(`${word} takes no orders: give its createServer operator: { token }; ${instead}`, {
        cause: error,
      });
    } finally {
      await client.close();
    }
    const isGone = waitMs === undefined ? undefined : await untilGone(open, services, endpoint.id, waitMs, terminal);
    if (line.flag('json'))
      terminal.out(`${formatJson({ instance: endpoint.id, services, draining: true, gone: isGone })}\n`);
    else
      terminal.out(`${plainText(endpoint.id)} ${isGone ? 'has left' : 'drains'}: ${plainText(services.join(', '))}\n`);
    if (isGone === false) throw new CliError(`${word} drains, and is still listed after ${line.text('wait')}`);
    return EXIT.ok;
  } finally {
    await open.close();
  }
}

/** What a drain means, before it is begun: there is no way back. */
async function meaningOf(open: OpenRegistry, id: string, services: readonly string[]): Promise<string> {
  const parts = await Promise.all(
    services.map(async (service) => {
      const { endpoints } = await open.snapshot(service);
      const others = endpoints.filter((each) => each.id !== id && each.state === 'up').length;
      if (others === 0) return `nobody else serves ${service}, so that its calls will fail`;
      return `${others} other ${others === 1 ? 'instance takes' : 'instances take'} its calls of ${service}`;
    }),
  );
  const after = parts.length === 0 ? '' : `; ${parts.join('; ')}`;
  return `${id} ends what it has begun and closes, usually with its process, and cannot be brought back from here${after}. To take its calls away only: rpc weight ${id} 0`;
}

async function isSure(terminal: Terminal): Promise<boolean> {
  terminal.err('Drain it? y or n ');
  const key = await new Promise<string>((resolve) => {
    const stop = terminal.onKeys((pressed) => {
      stop();
      resolve(pressed);
    });
  });
  terminal.err('\n');
  return key === 'y' || key === 'Y';
}

async function untilGone(
  open: OpenRegistry,
  services: readonly string[],
  id: string,
  waitMs: number,
  { clock }: Pick<Terminal, 'clock'>,
): Promise<boolean> {
  const until = clock.now() + waitMs;
  for (;;) {
    const lists = await Promise.all(services.map((service) => open.snapshot(service)));
    if (!lists.some(({ endpoints }) => endpoints.some((each) => each.id === id))) return true;
    if (clock.now() >= until) return false;
    await new Promise<void>((resolve) => {
      clock.schedule(LOOK_MS, resolve);
    });
  }
}
