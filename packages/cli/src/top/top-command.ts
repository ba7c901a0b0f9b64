import { type Fleet, type FleetView, openFleet } from '@org/rpc-console';
import { formatJson } from '@org/rpc-core/internal';
import { CliError, EXIT } from '../cli-error.js';
import type { Command } from '../command.js';
import { createStyle } from '../format/style.js';
import type { CommandLine } from '../options/command-line.js';
import { CONNECTION_SPECS, connectionOptions } from '../options/connection-options.js';
import { OPERATOR_SPECS, operatorOptions } from '../options/operator-options.js';
import { namedNamespace, namedRegistry } from '../registry.js';
import type { Terminal } from '../terminal.js';
import { afterKey, drawTop, type TopState, VIEWS } from './draw-top.js';

/** `rpc top`: services, instances and callers, live. */
export const topCommand: Command = {
  name: 'top',
  summary: 'services, instances and callers with their calls, errors and latencies, live',
  usage: ['rpc top [options]', 'rpc top <service> [options]'],
  options: {
    ...CONNECTION_SPECS,
    ...OPERATOR_SPECS,
    once: { type: 'boolean', help: 'print one picture and end, as where the output is no terminal' },
    json: { type: 'boolean', help: 'print one picture as JSON and end' },
  },
  notes: [
    'Keys: 1 services, 2 instances, 3 callers, tab the next of these; s sorts by another column; arrows, j and k scroll; space',
    'halts; q ends. Servers tell of their calls by rpc.operator: see rpc help drain. The first figures come after three seconds.',
  ],
  examples: ['rpc top', 'RPC_OPERATOR_TOKEN=... rpc top shop --registry etcd://10.0.0.1:2379', 'rpc top --json'],
  run: runTop,
};

/** How long one picture may take, in milliseconds. */
const SETTLED_MS = 10_000;
/** What cannot be asked for so long, at several attempts, is told: a registry may only be slow. */
const TROUBLE_MS = 5_000;
const LOOK_MS = 50;
const DRAW_MS = 1_000;
const ROWS_ONCE = 1_000;
/** Another screen, so that what was there is there again at the end; without a cursor. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';

async function runTop(line: CommandLine, terminal: Terminal): Promise<number> {
  const [service, ...rest] = line.positionals;
  if (rest.length > 0) throw new CliError(`one service at a time: what is ${rest[0]}?`);
  const { registry, namespace, tls, token } = connectionOptions(line, terminal.environment);
  const { clock, random, environment } = terminal;
  const fleet = openFleet({
    registry: namedRegistry(registry),
    namespace: namedNamespace(namespace, environment),
    tls,
    token,
    clock,
    random,
    services: service === undefined ? undefined : [service],
    ...operatorOptions(line, environment),
  });
  try {
    if (terminal.outIsTerminal && !line.flag('once') && !line.flag('json')) return await live(fleet, service, terminal);
    await settle(fleet, terminal);
    if (line.flag('json')) terminal.out(`${formatJson(ofService(fleet.view(), service))}\n`);
    else
      for (const view of VIEWS) {
        const style = createStyle(terminal.outIsTerminal, environment);
        const size = { columns: Math.max(40, terminal.columns), rows: ROWS_ONCE };
        const lines = drawTop(
          fleet.view(),
          { view, sort: 'rate', service, from: 0, isHalted: false, isOnce: true },
          size,
          style,
        );
        terminal.out(`${lines.join('\n')}\n\n`);
      }
    return EXIT.ok;
  } finally {
    await fleet.close();
  }
}

function ofService(view: FleetView, service: string | undefined): FleetView {
  if (service === undefined) return view;
  return {
    ...view,
    services: view.services.filter(({ name }) => name === service),
    instances: view.instances.filter(({ services }) => services.includes(service)),
    edges: view.edges.filter((edge) => edge.service === service),
  };
}

/** Waits until everybody was asked. @throws CliError when the registry does not answer */
async function settle(fleet: Fleet, { clock }: Terminal): Promise<void> {
  const until = clock.now() + SETTLED_MS;
  const isHopeless = (): boolean => fleet.trouble !== undefined && fleet.instances.size === 0;
  while (!fleet.isSettled && clock.now() < until && !(isHopeless() && clock.now() > until - SETTLED_MS + TROUBLE_MS))
    await new Promise<void>((resolve) => {
      clock.schedule(LOOK_MS, resolve);
    });
  if (isHopeless())
    throw new CliError(`the registry ${fleet.options.registry.display} cannot be asked: ${fleet.trouble}`);
  // What is told in a second is summed up when it is over.
  await new Promise<void>((resolve) => {
    clock.schedule(1_000, resolve);
  });
}

async function live(fleet: Fleet, service: string | undefined, terminal: Terminal): Promise<number> {
  let state: TopState = { view: 'services', sort: 'rate', service, from: 0, isHalted: false };
  let seen = fleet.view();
  const style = createStyle(true, terminal.environment);
  const draw = (): void => {
    if (!state.isHalted) seen = fleet.view();
    const size = terminal.size();
    const lines = drawTop(seen, state, size, style).slice(0, size.rows);
    terminal.out(`${HOME}${lines.map((line) => line + REST_OF_LINE).join('\r\n')}${REST_OF_SCREEN}`);
  };
  let end = (_code: number): void => {};
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  const stopListening = terminal.onInterrupt(() => end(EXIT.interrupted));
  const stopReading = terminal.onKeys((key) => {
    if (key === 'q') return end(EXIT.ok);
    // While keys are read one by one, it is a key and no signal.
    if (key === '\u0003') return end(EXIT.interrupted);
    state = afterKey(state, key);
    draw();
  });
  let cancel = (): void => {};
  const tick = (): void => {
    draw();
    cancel = terminal.clock.schedule(DRAW_MS, tick);
  };
  terminal.out(ENTER);
  tick();
  try {
    return await ended;
  } finally {
    cancel();
    stopListening();
    stopReading();
    terminal.out(LEAVE);
  }
}
