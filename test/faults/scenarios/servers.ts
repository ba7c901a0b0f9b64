import type { Scenario } from '../scenario.js';
import { Probe } from '../service.js';
import type { Trouble } from '../setup.js';

/** One of three servers is ill for a while. */
function ailing(name: string, trouble: Trouble, title: string): Scenario {
  return {
    name,
    title,
    setup: { servers: { processes: 3, each: 1 }, trouble },
    mustNotFail: 'idempotent',
    async inject(rig) {
      const [server] = rig.servers;
      server!.signal('SIGUSR2');
      await rig.hold(2, 20);
      server!.signal('SIGUSR2');
    },
  };
}

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
  ailing('server-slow', 'slow', 'server answers 1.5 s later than it did'),
  ailing('server-failing', 'failing', 'server fails each call with `UNAVAILABLE`'),
  ailing(
    'server-computing',
    'computing',
    'server computes for 50 ms in each call: it can do a part of what it is asked',
  ),
  {
    name: 'server-out-of-descriptors',
    title: 'server process has no descriptor left; a client starts meanwhile',
    setup: { servers: { processes: 3, each: 1 }, trouble: 'hoarding' },
    async inject(rig) {
      const [server] = rig.servers;
      server!.signal('SIGUSR2');
      await rig.expect(() => server!.output().includes('hoarded'), 'the descriptors to be taken');
      const probe = rig.client().service(Probe);
      const answers = await Promise.allSettled(Array.from({ length: 200 }, () => probe.ask(0)));
      const failed = answers.filter((answer) => answer.status === 'rejected');
      rig.check(failed.length === 0, `${failed.length} of 200 calls of the new client failed: ${failed[0]?.reason}`);
      await rig.hold(2, 20);
      server!.signal('SIGUSR2');
    },
  },
  {
    name: 'server-out-of-memory',
    title: 'server process of 128 MB leaks until it dies',
    setup: { servers: { processes: 3, each: 1 }, trouble: 'leaking' },
    mustNotFail: 'idempotent',
    async inject(rig) {
      const [server] = rig.servers;
      server!.signal('SIGUSR2');
      await server!.exited;
      rig.remove(server!);
      rig.notes.push('agreement waits for its entry to expire; calls do not');
    },
  },
  {
    name: 'server-uncaught',
    title: 'server process dies of an error that nobody catches, with calls in flight',
    setup: { servers: { processes: 3, each: 1 }, trouble: 'throwing' },
    mustNotFail: 'idempotent',
    async inject(rig) {
      const [server] = rig.servers;
      server!.signal('SIGUSR2');
      rig.check((await server!.exited) === 1, 'the server did not die');
      rig.remove(server!);
      rig.notes.push('agreement waits for its entry to expire; calls do not');
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
