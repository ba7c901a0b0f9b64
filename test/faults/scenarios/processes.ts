import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientIn } from '../client-in.js';
import type { Scenario } from '../scenario.js';
import { Probe } from '../service.js';
import { HOSTS } from './hosts.js';
import { inTurn } from './in-turn.js';

const THREE = { processes: 3, each: 1 };

/** Listens, accepts nothing, and has no room for another connection: who connects gets no answer at all. */
const DEAF = `const { createServer } = require('node:net');
createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () { process.stdout.write(String(this.address().port)); });`;

/** @returns the port, and what ends it */
async function deafPort(): Promise<{ port: number; close: () => void }> {
  const child = spawn(process.execPath, ['--eval', DEAF], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [bytes] = await once(child.stdout, 'data');
  const port = Number(String(bytes));
  child.kill('SIGSTOP');
  const fillers: Socket[] = [];
  // What has room is accepted by the kernel; the first one to get no answer shows that there is none left.
  for (let isFull = false; !isFull && fillers.length < 16; ) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    fillers.push(socket);
    isFull = !(await Promise.race([once(socket, 'connect').then(() => true), sleep(300, false)]));
  }
  return {
    port,
    close() {
      for (const socket of fillers) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}

/** Processes stand still, starve, lose their sense of time, cannot say anything; the registry is well. */
export const PROCESSES: readonly Scenario[] = [
  {
    name: 'server-paused',
    title: 'server process frozen for 1.5 s, again and again: no node is given up for it',
    setup: { servers: THREE },
    async inject(rig) {
      const [server] = rig.servers;
      for (let time = 0; time < (rig.short ? 1 : 5); time++) {
        server!.signal('SIGSTOP');
        await sleep(1_500);
        server!.signal('SIGCONT');
        rig.check(rig.ready() === rig.living.size, 'its connection was given up');
        await rig.hold(0.2, 3);
      }
    },
  },
  {
    name: 'server-starved',
    title: 'server process runs for 10 ms of every 100',
    setup: { servers: THREE },
    async inject(rig) {
      const [server] = rig.servers;
      const until = performance.now() + (rig.short ? 2_000 : 20_000);
      while (performance.now() < until) {
        server!.signal('SIGSTOP');
        await sleep(90);
        server!.signal('SIGCONT');
        await sleep(10);
      }
      rig.check(rig.ready() === rig.living.size, 'its connection was given up');
    },
  },
  {
    name: 'server-holding',
    title: 'server computes for 3 s without a pause, every six',
    setup: { servers: THREE, trouble: 'holding' },
    mustNotFail: 'idempotent',
    async inject(rig) {
      const [server] = rig.servers;
      server!.signal('SIGUSR2');
      await rig.hold(4, 20);
      server!.signal('SIGUSR2');
    },
  },
  {
    name: 'server-reborn',
    title: 'server process killed, and another one started on its port',
    setup: { servers: THREE },
    mustNotFail: 'idempotent',
    async inject(rig) {
      const [server] = rig.servers;
      server!.signal('SIGKILL');
      await server!.exited;
      rig.remove(server!);
      rig.add(await rig.processes.start(server!.port));
    },
  },
  {
    name: 'clocks-jump',
    title: 'wall clocks of all servers and of a client go an hour ahead, and back',
    setup: { servers: THREE, trouble: 'jumping' },
    async inject(rig) {
      const jump = (): void => {
        for (const server of rig.servers) server.signal('SIGUSR2');
      };
      jump();
      await clientIn(rig, 'jumping', rig.short ? 600 : 6_000);
      await rig.hold(0, 2 * rig.ttlSeconds);
      rig.check((await rig.missing()) === 0, 'an entry was lost');
      jump();
      await rig.hold(0.5, 2 * rig.ttlSeconds);
      rig.check((await rig.missing()) === 0, 'an entry was lost when the clocks went back');
    },
  },
  {
    name: 'client-holding',
    title:
      'client process computes for 3 s with calls of 2 s in flight, three times: answers that wait in its socket count',
    setup: { servers: THREE },
    inject: (rig) => clientIn(rig, 'holding', 600),
  },
  {
    name: 'connect-black-hole',
    title: 'an instance is listed whose port answers no connection',
    setup: { servers: THREE },
    async inject(rig) {
      const deaf = await deafPort();
      try {
        await rig.registry.put('deaf', JSON.stringify({ host: '127.0.0.1', port: deaf.port }));
        const listed = (): boolean =>
          rig.clients[0]!.state().services[Probe.name]?.nodes.some(({ instance }) => instance === 'deaf') ?? false;
        await rig.expect(listed, 'it to be listed');
        await rig.hold(2, 20);
        await rig.registry.ctl('del', '/rpc/default/services/probe/deaf');
      } finally {
        deaf.close();
      }
    },
  },
  {
    name: 'log-full',
    title: 'what servers print goes to a disk that is full; handlers throw what is printed',
    setup: { servers: THREE, logFull: true },
    async inject(rig) {
      const probe = rig.clients[0]!.service(Probe);
      for (let time = 0; time < (rig.short ? 30 : 1_000); time++)
        await probe.fail().then(
          () => rig.check(false, 'a handler that throws was answered'),
          ({ code }) => rig.check(code === 'INTERNAL', `a handler that throws came as ${code}`),
        );
    },
  },
];

const named = (...names: readonly string[]): readonly Scenario[] =>
  [...PROCESSES, ...HOSTS].filter(({ name }) => names.includes(name));

/** The same for a test: those that need nothing of their own one after the other. */
export const PROCESSES_IN_TURN: readonly Scenario[] = [
  inTurn(
    {
      name: 'processes',
      title: 'processes stand still, starve, are started anew on the same port, or answer no connection',
      setup: { servers: { processes: 2, each: 1 } },
      mustNotFail: 'idempotent',
    },
    named(
      'server-paused',
      'server-starved',
      'server-reborn',
      'client-holding',
      'connect-black-hole',
      'client-out-of-descriptors',
    ),
  ),
  ...named('clocks-jump', 'log-full'),
];
