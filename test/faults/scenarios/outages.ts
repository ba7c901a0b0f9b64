import type { Rig } from '../rig.js';
import type { Scenario } from '../scenario.js';

/** etcd is away, hangs, or comes back without what it knew. */
export const OUTAGES: readonly Scenario[] = [
  {
    name: 'etcd-killed',
    title: 'etcd killed (`kill -9`), later started again',
    async inject(rig) {
      await rig.etcd.kill('SIGKILL');
      await rig.hold(3, 30);
      await rig.etcd.restart();
    },
  },
  {
    name: 'etcd-restarted',
    title: 'etcd restarted with its data, three times',
    async inject(rig) {
      for (let time = 0; time < 3; time++) {
        await rig.etcd.restart();
        await rig.hold(0.3, 2);
      }
    },
  },
  {
    name: 'etcd-compacted',
    title: 'etcd restarted; what changed meanwhile is compacted before anybody is let in again',
    setup: { lines: true },
    async inject(rig) {
      rig.clientLine.set('cut');
      rig.serverLine.set('cut');
      await rig.etcd.restart();
      const options = { ...rig.serverOptions, hosts: rig.etcd.url };
      rig.add(await rig.processes.spawn(0, 1, JSON.stringify(options)).registered);
      for (let change = 0; change < 8; change++) await rig.etcd.ctl('put', '/other', `${change}`);
      await rig.etcd.ctl('compact', `${await revision(rig)}`);
      rig.clientLine.set('open');
      rig.serverLine.set('open');
    },
  },
  {
    name: 'etcd-frozen-briefly',
    title: 'etcd frozen for less than the TTL',
    async inject(rig) {
      await rig.etcd.kill('SIGSTOP');
      await rig.hold(3, 8);
      await rig.etcd.kill('SIGCONT');
    },
  },
  {
    name: 'etcd-frozen',
    title: 'etcd frozen for longer than the TTL',
    async inject(rig) {
      await rig.etcd.kill('SIGSTOP');
      await rig.hold(8, 40);
      rig.check(rig.ready() === rig.living.size, `only ${rig.ready()} servers could be called while etcd was frozen`);
      await rig.etcd.kill('SIGCONT');
    },
  },
  {
    name: 'etcd-wiped',
    title: 'etcd replaced by an empty one, whose revisions begin anew',
    async inject(rig) {
      for (let change = 0; change < 20; change++) await rig.etcd.ctl('put', '/other', `${change}`);
      rig.forgetCanaries();
      await rig.etcd.restart({ wipe: true });
    },
  },
  {
    name: 'client-started',
    title: 'client process started while etcd is away: it begins with the list of an earlier run',
    async inject(rig) {
      const env = { XDG_CACHE_HOME: rig.directory };
      const { snapshots: _, ...options } = rig.clientOptions;
      const run = async (calls: number): Promise<{ remembered: boolean; failed: number }> => {
        const client = rig.processes.run('client-process.ts', [JSON.stringify(options), String(calls)], env);
        await client.exited;
        return JSON.parse(client.output());
      };
      await run(1);
      await rig.etcd.kill('SIGKILL');
      const { remembered, failed } = await run(200);
      rig.check(remembered, 'the client process did not begin with a remembered list');
      rig.check(failed === 0, `${failed} of 200 calls of the client process failed`);
      rig.notes.push(`${failed} of 200 calls of the new process failed`);
      await rig.etcd.restart();
    },
  },
];

/** The longest one, which runs beside the others. */
export const LONG_OUTAGE: Scenario = {
  name: 'etcd-away',
  title: 'no etcd at all for a long time',
  async inject(rig) {
    await rig.etcd.kill('SIGKILL');
    await rig.hold(40, 600);
    rig.check(rig.ready() === rig.living.size, `only ${rig.ready()} servers could be called at the end`);
    await rig.etcd.restart();
  },
};

async function revision({ etcd }: Rig): Promise<number> {
  const { header } = JSON.parse(await etcd.ctl('get', '/', '-w', 'json')) as { header: { revision: number } };
  return header.revision;
}
