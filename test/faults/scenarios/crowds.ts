import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { etcd } from '@org/rpc';
import { systemClock, systemRandom } from '@org/rpc-core';
import { createEtcdConnector } from '../../../packages/registry-etcd/src/client/etcd-client.js';
import type { EtcdPort } from '../../../packages/registry-etcd/src/client/etcd-port.js';
import { formatInstanceValue } from '../../../packages/registry-etcd/src/instances/instance-value.js';
import { keyOf } from '../registry-view.js';
import type { Rig } from '../rig.js';
import type { Scenario } from '../scenario.js';

const CROWD = 10_000;
const PUTS_PER_TICK = 10;
const TICK_MS = 10;

/** More in etcd, or more changes of it, than anybody expects. */
export const CROWDS: readonly Scenario[] = [
  {
    name: 'ten-thousand-keys',
    title: '10,000 entries of another service are read, and a value of 1.4 MB among those of this one',
    async inject(rig) {
      const port = await connect(rig);
      const crowdKey = (index: number): string => keyOf(`${index}`).replace('/probe/', '/crowd/');
      for (let first = 0; first < CROWD; first += 250) {
        const puts = Array.from({ length: 250 }, (_, index) => {
          const id = `${first + index}`;
          const value = formatInstanceValue({ id, host: '10.0.0.7', port: 4399, weight: 100, state: 'up' });
          return port.put(crowdKey(first + index), value, '0', 10_000);
        });
        await Promise.all(puts);
      }
      await port.put(keyOf('too-large'), 'x'.repeat(1_400_000), '0', 10_000);
      const handle = etcd({ ...rig.clientOptions, snapshots: false }).open({
        namespace: 'default',
        clock: systemClock,
        random: systemRandom,
      });
      const startedAt = performance.now();
      let listed = 0;
      handle.watch('crowd', ({ endpoints }) => {
        listed = endpoints.length;
      });
      await rig.expect(() => listed === CROWD, 'the whole crowd to be listed');
      rig.notes.push(`10,000 listed in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
      await rig.expect(() => rig.wasTold(/is skipped: 1400000 bytes are more than/), 'the large value to be skipped');
      await handle.close();
      port.close();
      await rig.etcd.ctl('del', keyOf('too-large'));
    },
  },
  {
    name: 'event-storm',
    title: 'one entry written 1,000 times a second',
    async inject(rig) {
      const { registered } = rig.processes.spawn(0, 1, `local:${join(rig.directory, 'unseen')}`);
      const { instance, port: serverPort } = await registered;
      const port = await connect(rig);
      let views = 0;
      rig.clients[0]!.on('viewChanged', () => views++);
      const startedAt = performance.now();
      const endsAt = startedAt + (rig.short ? 3_000 : 15_000);
      const writes: Promise<unknown>[] = [];
      for (let tick = 0; performance.now() < endsAt; tick++) {
        for (let index = 0; index < PUTS_PER_TICK; index++) {
          const weight = 1 + (writes.length % 1_000);
          const endpoint = { id: instance, host: '127.0.0.1', port: serverPort, weight, state: 'up' as const };
          writes.push(port.put(keyOf(instance), formatInstanceValue(endpoint), '0', 10_000));
        }
        await sleep(Math.max(0, startedAt + (tick + 1) * TICK_MS - performance.now()));
      }
      await Promise.all(writes);
      const seconds = (performance.now() - startedAt) / 1_000;
      port.close();
      rig.notes.push(`${(writes.length / seconds).toFixed(0)} puts/s came as ${(views / seconds).toFixed(0)} lists/s`);
      rig.check(views > 0, 'nothing of the storm was seen');
      rig.check(views < writes.length / 2, 'each put was published');
      await rig.etcd.ctl('del', keyOf(instance));
    },
  },
];

function connect(rig: Rig): Promise<EtcdPort> {
  return createEtcdConnector({ clock: systemClock })(new URL(rig.etcd.url).host);
}
