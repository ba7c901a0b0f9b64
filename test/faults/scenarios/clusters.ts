import type { Scenario } from '../scenario.js';

/** One of three members, or two of them, are in trouble. */
export const CLUSTERS: readonly Scenario[] = [
  {
    name: 'quorum-lost',
    title: 'two of three members frozen for 14 s, with a TTL of 5 s',
    setup: { cluster: true, ttlSeconds: 5 },
    async inject(rig) {
      const [, ...others] = rig.cluster.members;
      await Promise.all(others.map((member) => member.kill('SIGSTOP')));
      let fewest = rig.ready();
      for (let second = 0; second < 14; second++) {
        await rig.hold(1, 1);
        fewest = Math.min(fewest, rig.ready());
      }
      await Promise.all(others.map((member) => member.kill('SIGCONT')));
      rig.check(fewest === rig.living.size, `at one moment only ${fewest} servers could be called`);
    },
  },
  {
    name: 'leader-killed',
    title: 'leader of three members killed, later started again',
    setup: { cluster: true },
    async inject(rig) {
      const leader = await rig.cluster.leader();
      await leader.kill('SIGKILL');
      leader.line.set('cut');
      await rig.agreeDuring();
      await rig.hold(1, 15);
      leader.line.set('open');
      await leader.restart();
    },
  },
  {
    name: 'leader-moved',
    title: 'leadership moved to each of three members in turn',
    setup: { cluster: true },
    async inject(rig) {
      for (const member of rig.cluster.members) {
        if ((await rig.cluster.leader()) !== member) await rig.cluster.moveLeader(member);
        await rig.hold(0.5, 3);
      }
    },
  },
  {
    name: 'member-partitioned',
    title: 'member cut off from the others while every client and server hangs on it',
    setup: { cluster: true },
    async prepare(rig) {
      for (const { line } of rig.cluster.members.slice(1)) line.set('cut');
    },
    async inject(rig) {
      const [member, ...others] = rig.cluster.members;
      for (const { line } of others) line.set('open');
      member!.isolate();
      // Until then the member may say of itself that all is well.
      await rig.hold(1, 1);
      await rig.agreeDuring();
      await rig.hold(1, 20);
      member!.rejoin();
    },
  },
];
