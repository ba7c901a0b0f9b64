import type { Scenario } from '../scenario.js';

/** Servers themselves are in trouble; the registry is well. */
export const SERVERS: readonly Scenario[] = [
  {
    name: 'server-killed',
    title: 'server process killed (`kill -9`)',
    setup: { servers: { processes: 3, each: 1 } },
    mustNotFail: 'idempotent',
    async inject(rig) {
      const [server] = rig.servers;
      server!.signal('SIGKILL');
      await server!.exited;
      rig.remove(server!);
      rig.notes.push('agreement waits for its entry to expire; calls do not');
    },
  },
  {
    name: 'server-frozen',
    title: 'server process frozen, later thawed',
    setup: { servers: { processes: 3, each: 1 } },
    mustNotFail: 'idempotent',
    async inject(rig) {
      const [server] = rig.servers;
      server!.signal('SIGSTOP');
      await rig.expect(() => rig.ready() < rig.living.size, 'the frozen server to be noticed');
      await rig.hold(1, 20);
      server!.signal('SIGCONT');
    },
  },
  {
    name: 'server-stopped',
    title: 'server process stopped with SIGTERM',
    setup: { servers: { processes: 3, each: 1 } },
    async inject(rig) {
      const [server] = rig.servers;
      server!.signal('SIGTERM');
      rig.check((await server!.exited) === 0, 'the server did not end well');
      rig.remove(server!);
    },
  },
  {
    name: 'rolling-restart',
    title: 'rolling restart of all servers, one by one',
    setup: { servers: { processes: 3, each: 1 } },
    async inject(rig) {
      for (const server of [...rig.servers]) {
        await rig.startServers(1);
        server.signal('SIGTERM');
        await server.exited;
        rig.remove(server);
      }
    },
  },
];
