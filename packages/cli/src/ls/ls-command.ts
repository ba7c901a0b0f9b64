import { formatJson, plainText } from '@org/rpc-core/internal';
import type { Endpoint, EndpointState } from '@org/rpc-registry';
import { endpointAddress } from '@org/rpc-registry';
import { uptimeMs } from '@org/rpc-registry/internal';
import { CliError, EXIT } from '../cli-error.js';
import type { Command } from '../command.js';
import { unknownService } from '../connect.js';
import { createStyle, type Style } from '../format/style.js';
import { formatTable } from '../format/table.js';
import type { CommandLine } from '../options/command-line.js';
import { CONNECTION_SPECS, connectionOptions } from '../options/connection-options.js';
import { namedNamespace, namedRegistry, type OpenRegistry, openRegistry } from '../registry.js';
import type { Terminal } from '../terminal.js';

/** `rpc ls`: what a registry knows. */
export const lsCommand: Command = {
  name: 'ls',
  summary: 'list the services of a registry, or the instances of one service',
  usage: ['rpc ls [options]', 'rpc ls <service> [options]'],
  options: { ...CONNECTION_SPECS, json: { type: 'boolean', help: 'print as JSON' } },
  notes: ['It asks the registry and no server: options of TLS are checked, so that the same ones do for all commands.'],
  examples: ['rpc ls', 'rpc ls calculator --registry etcd://10.0.0.1:2379 --json'],
  run: runLs,
};

async function runLs(line: CommandLine, terminal: Terminal): Promise<number> {
  const [service, ...rest] = line.positionals;
  if (rest.length > 0) throw new CliError(`one service at a time: what is ${rest[0]}?`);
  const { registry, namespace } = connectionOptions(line);
  const open = openRegistry(namedRegistry(registry), namedNamespace(namespace, terminal.environment), terminal);
  const style = createStyle(terminal.outIsTerminal, terminal.environment);
  try {
    if (service === undefined) await listServices(open, line.flag('json'), terminal, style);
    else await listInstances(open, service, line.flag('json'), terminal, style);
    return EXIT.ok;
  } finally {
    await open.close();
  }
}

async function listServices(open: OpenRegistry, json: boolean, terminal: Terminal, style: Style): Promise<void> {
  const names = await open.services();
  const services = await Promise.all(
    names.map(async (name) => {
      const { endpoints } = await open.snapshot(name);
      const count = (wanted: EndpointState): number => endpoints.filter(({ state }) => state === wanted).length;
      const [unavailable, draining] = [count('unavailable'), count('draining')];
      return { service: name, instances: endpoints.length, unavailable, draining };
    }),
  );
  if (json) {
    terminal.out(`${formatJson({ registry: open.registry.display, services })}\n`);
    return;
  }
  if (services.length === 0) terminal.err(`no service is registered in ${open.registry.display}\n`);
  const few = (count: number): string => (count === 0 ? '0' : style.warn(String(count)));
  const rows = services.map(({ service, instances, unavailable, draining }) => [
    plainText(service),
    String(instances),
    few(unavailable),
    few(draining),
  ]);
  terminal.out(formatTable({ head: ['service', 'instances', 'unavailable', 'draining'], rows, align: 'l' }));
}

async function listInstances(
  open: OpenRegistry,
  service: string,
  json: boolean,
  terminal: Terminal,
  style: Style,
): Promise<void> {
  const { endpoints } = await open.snapshot(service);
  if (endpoints.length === 0) {
    throw new CliError(unknownService(service, open.registry.display, await open.services()));
  }
  if (json) {
    terminal.out(`${formatJson({ registry: open.registry.display, service, instances: endpoints })}\n`);
    return;
  }
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
  terminal.out(formatTable({ head, rows, align: 'llrllrll' }));
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
