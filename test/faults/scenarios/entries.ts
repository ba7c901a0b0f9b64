import { keyOf } from '../registry-view.js';
import type { Scenario } from '../scenario.js';

/** Entries vanish, or are written by somebody else. */
export const ENTRIES: readonly Scenario[] = [
  {
    name: 'leases-revoked',
    title: 'leases of all servers revoked by hand',
    async inject(rig) {
      const leases = await Promise.all([...rig.living].map((id) => rig.registry.leaseOf(id)));
      await Promise.all(leases.map((lease) => rig.etcd.ctl('lease', 'revoke', lease)));
    },
  },
  {
    name: 'keys-deleted',
    title: 'entries of all servers deleted by hand',
    async inject(rig) {
      rig.forgetCanaries();
      await rig.etcd.ctl('del', '--prefix', keyOf(''));
    },
  },
  {
    name: 'key-overwritten',
    title: 'entry overwritten by somebody else, and deleted later',
    async inject(rig) {
      const [server] = rig.servers;
      const { instance } = server!;
      await rig.etcd.ctl('put', keyOf(instance), 'theirs');
      const revision = await rig.registry.revisionOf(instance);
      await rig.expect(() => server!.output().includes('"conflict"'), 'the conflict to be reported');
      await rig.hold(4, 40);
      rig.check((await rig.registry.revisionOf(instance)) === revision, 'the entry was fought for');
      rig.check(rig.wasTold(/is skipped/), 'the client did not report the entry that it cannot read');
      await rig.etcd.ctl('del', keyOf(instance));
    },
  },
  {
    name: 'mass-expiry',
    title: '50 registrations expire at once: their renewals do not reach etcd',
    setup: { lines: true, servers: { processes: 5, each: 10 } },
    async inject(rig) {
      rig.serverLine.set('silent');
      await rig.expect(
        async () => [...(await rig.registry.instances())].every((id) => !rig.living.has(id)),
        'all entries to expire',
        60_000,
      );
      await rig.expect(() => rig.wasTold(/vanished from the registry at once/), 'the client to report it');
      await rig.hold(2, 20);
      rig.check(rig.ready() === rig.living.size, `only ${rig.ready()} of ${rig.living.size} could be called`);
      rig.serverLine.set('open');
    },
  },
];
