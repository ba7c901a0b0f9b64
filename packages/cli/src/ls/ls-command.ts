import { formatJson, plainText } from '@org/rpc-core/internal';
import type { Endpoint, EndpointState } from '@org/rpc-registry';
import { endpointAddress } from '@org/rpc-registry';
import { uptimeMs } from '@org/rpc-registry/internal';
import { CliError, EXIT, failureLine } from '../cli-error.js';
import type { Command } from '../command.js';
import { unknownService } from '../connect.js';
import { createStyle, type Style } from '../format/style.js';
import { formatTable } from '../format/table.js';
import type { CommandLine } from '../options/command-line.js';
import { CONNECTION_SPECS, connectionOptions } from '../options/connection-options.js';
import { namedNamespace, namedRegistry, type OpenRegistry, openRegistry } from '../registry.js';
import type { Terminal } from '../terminal.js';
import { untilInterrupted } from '../until-interrupted.js';

const WATCH_MS = 1_000;
/** What servers serve of themselves: nobody looks for it among the services. */
const OWN_SERVICES: ReadonlySet<string> = new Set(['rpc.health', 'rpc.reflection', 'rpc.operator']);
/** Clears a terminal, and goes to its first place. */
const CLEAR = '\u001b[H\u001b[2J';

/** `rpc ls`: what a registry knows. */
export const lsCommand: Command = {
  name: 'ls',
  summary: 'list the services of a registry, or the instances of one service',
  usage: ['rpc ls [options]', 'rpc ls <service> [options]'],
  options: {
    ...CONNECTION_SPECS,
    all: { type: 'boolean', short: 'a', help: 'also list the services of the framework itself, as rpc.operator' },
    watch: { type: 'boolean', short: 'w', help: 'go on until it is interrupted, and print each change' },
    json: { type: 'boolean', help: 'print as JSON; with --watch, a line for each change' },
  },
  notes: ['It asks the registry and no server: options of TLS are checked, so that the same ones do for all commands.'],
  examples: ['rpc ls', 'rpc ls calculator --watch', 'rpc ls calculator --registry etcd://10.0.0.1:2379 --json'],
  run: runLs,
};

async function runLs(line: CommandLine, terminal: Terminal): Promise<number> {
  const [service, ...rest] = line.positionals;
  if (rest.length > 0) throw new CliError(`one service at a time: what is ${rest[0]}?`);
  const { registry, namespace } = connectionOptions(line, terminal.environment);
  const open = openRegistry(namedRegistry(registry), namedNamespace(namespace, terminal.environment), terminal);
  const style = createStyle(terminal.outIsTerminal, terminal.environment);
  try {
    const list = (watching: boolean): Promise<string> =>
      service === undefined
        ? listServices(open, json(line, watching), terminal, style, line.flag('all'))
        : listInstances(open, service, json(line, watching), terminal, style, watching);
    if (line.flag('watch')) return await watch(() => list(true), terminal);
    terminal.out(await list(false));
    return EXIT.ok;
  } finally {
    await open.close();
  }
}

/** Prints what is listed whenever it is another list: on a terminal in the place of the one before. */
async function watch(list: () => Promise<string>, terminal: Terminal): Promise<number> {
  let before = '';
  let trouble = '';
  await untilInterrupted(terminal, WATCH_MS, async () => {
    try {
      const now = await list();
      trouble = '';
      if (withoutTimes(now) === withoutTimes(before)) return;
      before = now;
      terminal.out(`${terminal.outIsTerminal ? CLEAR : ''}${now}${terminal.outIsTerminal ? '' : '\n'}`);
    } catch (error) {
      // A registry that is away for a while is no reason to end.
      if (failureLine(error) !== trouble) terminal.err(`${failureLine(error)}\n`);
      trouble = failureLine(error);
    }
  });
  return EXIT.interrupted;
}

/** How long something has been up is no change. */
function withoutTimes(table: string): string {
  return table.replace(/ +(\d+[dhms] ?)+ /g, ' ');
}

/** The indent of JSON, `undefined` where none is wanted: one line for each change. */
function json(line: CommandLine, watching: boolean): number | undefined {
  return line.flag('json') ? (watching ? 0 : 2) : undefined;
}

async function listServices(
  open: OpenRegistry,
  indent: number | undefined,
  terminal: Terminal,
  style: Style,
  withOwn: boolean,
): Promise<string> {
  const names = (await open.services()).filter((name) => withOwn || !OWN_SERVICES.has(name));
  const services = await Promise.all(
    names.map(async (name) => {
      const { endpoints } = await open.snapshot(name);
      const count = (wanted: EndpointState): number => endpoints.filter(({ state }) => state === wanted).length;
      const [unavailable, draining] = [count('unavailable'), count('draining')];
      return { service: name, instances: endpoints.length, unavailable, draining };
    }),
  );
  if (indent !== undefined) return `${formatJson({ registry: open.registry.display, services }, indent)}\n`;
  if (services.length === 0) terminal.err(`no service is registered in ${open.registry.display}\n`);
  const few = (count: number): string => (count === 0 ? '0' : style.warn(String(count)));
  const rows = services.map(({ service, instances, unavailable, draining }) => [
    plainText(service),
    String(instances),
    few(unavailable),
    few(draining),
  ]);
  return formatTable({ head: ['service', 'instances', 'unavailable', 'draining'], rows, align: 'l' });
}

async function listInstances(
  open: OpenRegistry,
  service: string,
  indent: number | undefined,
  terminal: Terminal,
  style: Style,
  mayBeEmpty: boolean,
): Promise<string> {
  const { endpoints } = await open.snapshot(service);
  if (endpoints.length === 0 && !mayBeEmpty) {
    throw new CliError(unknownService(service, open.registry.display, await open.services()));
  }
  if (indent !== undefined)
    return `${formatJson({ registry: open.registry.display, service, instances: endpoints }, indent)}\n`;
  const rows = endpoints.map((endpoint) => [
    plainText(endpointAddress(endpoint)),
    endpoint.state === 'up' ? style.good('up') : style.warn(endpoint.state),
    String(endpoint.weight),
    plainText(endpoint.zone ?? '-'),
    plainText(endpoint.version ?? '-'),
    describeUptime(uptimeMs(endpoint, terminal.clock.wallNow())),
    plainText(describeTags(endpoint.tags)),
    plainText(endpoint.id),
  ]);
  const head = ['address', 'state', 'weight', 'zone', 'version', 'up for', 'tags', 'id'];
  return formatTable({ head, rows, align: 'llrllrll' }) || `  ${plainText(service)} has no instance\n`;
}

function describeTags(tags: Endpoint['tags']): string {
  const pairs = Object.entries(tags ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '-' : pairs.join(',');
}

/** The two largest units, as people say it: `3d 4h`, `12m 5s`. */
function describeUptime(ms: number | undefined): string {
  if (ms === undefined) return '-';
  const seconds = Math.floor(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first < 0 ? [[0, 's'] as const] : parts.slice(first, first + 2);
  return shown.map(([count, unit]) => `${count}${unit}`).join(' ');
}
