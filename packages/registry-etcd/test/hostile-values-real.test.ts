import assert from 'node:assert/strict';
import { systemClock, systemRandom } from '@org/rpc-core';
import type { RegistryEvent } from '@org/rpc-registry';
import { recordSnapshots } from '@org/rpc-testkit';
import { etcd } from '../src/etcd-registry.js';
import { type EtcdServer, startEtcd } from './etcd-fixture.js';
import { INVALID_VALUES } from './invalid-values.js';
import { shown } from './world.js';

describe('a real etcd with hostile values', function () {
  this.timeout(30_000);
  let server: EtcdServer;

  before(async () => {
    server = await startEtcd();
  });
  after(() => server.stop());

  /** Through the gateway of JSON: etcdctl takes no zero bytes. */
  async function put(key: string, value: string | Uint8Array): Promise<void> {
    const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64');
    const body = JSON.stringify({ key: base64(key), value: base64(value) });
    const response = await fetch(`${server.url}/v3/kv/put`, { method: 'POST', body });
    assert.ok(response.ok, await response.text());
  }

  it('gives a client what is right, and a warning for each key that is not', async () => {
    const every = Math.ceil(INVALID_VALUES.length / 40);
    const bad = INVALID_VALUES.filter(
      ([name], index) => index % every === 0 || name.includes('MiB') || name.includes('zeros'),
    );
    const root = '/rpc/test/services';
    for (const [index, [, value]] of bad.entries()) await put(`${root}/user/bad-${index}`, value);
    await put(`${root}/user/good`, '{"host":"h","port":1,"fromTheFuture":[{}]}');
    await put(`${root}/user-admin/admin`, '{"host":"h","port":1}');
    await put(`${root}/user/a/b`, '{"host":"h","port":1}');
    const events: RegistryEvent[] = [];
    const onEvent = (event: RegistryEvent): void => void events.push(event);
    const handle = etcd({ hosts: server.url, snapshots: false }).open({
      namespace: 'test',
      clock: systemClock,
      random: systemRandom,
      onEvent,
    });
    const recorder = recordSnapshots(handle, 'user');
    assert.equal(shown(await recorder.until(() => true)), 'good');
    const keys = events.map(({ message }) => /^(\S+) is skipped: /.exec(message)?.[1]).sort();
    const expected = [...bad.keys()].map((index) => `${root}/user/bad-${index}`);
    assert.deepEqual(keys, [...expected, `${root}/user/a/b`].sort());
    await put(`${root}/user/late`, '{"host":"h","port":2}');
    await recorder.until((snapshot) => shown(snapshot) === 'good late');
    assert.equal(events.length, bad.length + 1);
    await handle.close();
  });
});
