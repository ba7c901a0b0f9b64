import { clientIn } from '../client-in.js';
import type { Rig } from '../rig.js';
import type { Scenario } from '../scenario.js';

const THREE = { processes: 3, each: 1 };

/** A process with a network and names of its own tells what it saw there, while the others go on beside it. */
function lonely(name: string, title: string): Scenario {
  return {
    name,
    title,
    setup: { servers: THREE },
    async inject(rig) {
      const inside = rig.processes.run('lone-network.ts', [name, rig.directory], {}, ['unshare', '-rnm']);
      await inside.exited;
      const line = inside
        .output()
        .split('\n')
        .find((text) => text.startsWith('{"notes"'));
      rig.check(line !== undefined, `it told nothing: ${inside.output().slice(-500)}`);
      const { notes, problems } = JSON.parse(line ?? '{"notes":[],"problems":[]}') as Pick<Rig, 'notes' | 'problems'>;
      rig.notes.push(...notes);
      rig.problems.push(...problems);
    },
  };
}

/** The machine around a process lacks what it needs: space, descriptors, memory to spare, names, addresses, ports. */
export const HOSTS: readonly Scenario[] = [
  {
    name: 'etcd-disk-full',
    title: 'the disk of etcd is full: it dies of it, and is started again when there is space',
    setup: { servers: THREE, disk: 'etcd' },
    async inject(rig) {
      rig.disk.fill();
      const write = (value: number): Promise<boolean> =>
        rig.etcd.ctl('put', '/filler', `${value}`.repeat(20_000)).then(
          () => true,
          () => false,
        );
      let written = 0;
      while (await write(written)) written++;
      await rig.hold(2, 20);
      rig.disk.free();
      await rig.etcd.restart();
    },
  },
  {
    name: 'snapshots-disk-full',
    title: 'the disk is full on which clients remember lists; a server joins, etcd dies, a client process is started',
    setup: { servers: THREE, disk: 'snapshots' },
    async inject(rig) {
      rig.disk.fill();
      await rig.startServers(1);
      await rig.expect(() => rig.ready() === rig.living.size, 'the new server to be called');
      await rig.expect(() => rig.wasTold(/ENOSPC|no space/i), 'the client to say that it cannot remember');
      await rig.etcd.kill('SIGKILL');
      // It knows three of the four servers.
      await clientIn(rig, '', 200, { remembers: true });
      rig.disk.free();
      await rig.etcd.restart();
    },
  },
  {
    name: 'client-out-of-descriptors',
    title: 'client process has no descriptor left; a server is killed meanwhile, and another one started on its port',
    setup: { servers: THREE },
    mustNotFail: 'idempotent',
    async inject(rig) {
      const server = rig.servers.at(-1)!;
      await clientIn(rig, 'hoarding', rig.short ? 1_200 : 6_000, {
        async whenHoarded() {
          server.signal('SIGKILL');
          await server.exited;
          rig.remove(server);
          rig.add(await rig.processes.start(server.port));
        },
      });
    },
  },
  {
    name: 'server-collecting',
    title: 'server has a large heap, whose garbage is collected every second without a pause for anybody else',
    setup: { servers: THREE, trouble: 'collecting' },
    // On a busy machine it takes longer than a call may.
    mustNotFail: 'idempotent',
    async inject(rig) {
      const [server] = rig.servers;
      server!.signal('SIGUSR2');
      await rig.hold(4, 20);
      server!.signal('SIGUSR2');
      const longest = (): string | undefined => /"collected","message":"(\d+)"/.exec(server!.output())?.[1];
      await rig.expect(() => longest() !== undefined, 'it to be over');
      rig.notes.push(`the longest one took ${longest()} ms`);
      rig.check(rig.ready() === rig.living.size, 'its connection was given up');
    },
  },
  {
    name: 'port-taken',
    title: 'a server process is started on a port that is taken, and one on a port that it has no right to',
    setup: { servers: THREE },
    async inject(rig) {
      const [server] = rig.servers;
      const ways: [port: number, prefix: readonly string[], says: string][] = [
        [server!.port, [], `listen on 127.0.0.1:${server!.port}: the address is taken by another process`],
        // Nobody's own network, without the rights of an administrator.
        [80, ['unshare', '-Un'], 'listen on 127.0.0.1:80: permission denied'],
      ];
      for (const [port, prefix, says] of ways) {
        const args = [JSON.stringify(rig.serverOptions), String(port)];
        const late = rig.processes.run('server-process.ts', args, {}, prefix);
        const code = await late.exited;
        rig.check(code === 1 && late.output().includes(says), `it ended with ${code}: ${late.output().slice(-500)}`);
        const listed = (await rig.registry.instances()).size;
        const most = rig.living.size + rig.canaries;
        rig.check(listed <= most, `${listed} instances are listed, ${most} are there`);
      }
      rig.notes.push('both end at once and say why, and neither is registered');
    },
  },
  {
    name: 'all-asleep',
    title:
      'the machine sleeps: all servers and a client process stand still for longer than the TTL, and go on at once',
    setup: { servers: THREE },
    mustNotFail: 'none',
    async inject(rig) {
      const calls = rig.short ? 600 : 2_000;
      const client = rig.processes.run('client-process.ts', [JSON.stringify(rig.clientOptions), String(calls)], {
        TROUBLE: 'sleeping',
      });
      await rig.expect(() => client.output().includes('calling\n'), 'the client process to call', 120_000);
      const all = [client.child, ...rig.servers];
      const send = (signal: NodeJS.Signals): void => {
        for (const one of all) 'kill' in one ? one.kill(signal) : one.signal(signal);
      };
      send('SIGSTOP');
      await rig.hold(8, 60);
      send('SIGCONT');
      rig.end();
      await client.exited;
      const told = client
        .output()
        .split('\n')
        .find((line) => line.startsWith('{'));
      const { failed, away } = JSON.parse(told ?? '{}') as { failed?: number; away?: number };
      // Eight calls at a time: those that slept with it may be late.
      rig.check(failed !== undefined && failed <= 8, `${failed} of ${calls} calls of the client process failed`);
      rig.check(away === 0, `the client process was not connected to ${away} servers in the end`);
      rig.notes.push(`${failed} of ${calls} calls of the client process failed`);
    },
  },
  lonely('names-gone', 'DNS fails, is silent, forgets the name, gives another address'),
  lonely('names-silent', 'no DNS server of the system answers'),
  lonely('address-families', 'names lead to IPv6 alone, to IPv4 alone, and to IPv6 that leads nowhere'),
  lonely('ports-exhausted', 'no local port is left to connect from'),
];
