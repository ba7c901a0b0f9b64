import assert from 'node:assert/strict';
import { systemClock } from '@org/rpc-core';
import { createEtcdConnector } from '../src/client/etcd-client.js';
import type { EtcdPort, WatchListener } from '../src/client/etcd-port.js';
import { type EtcdServer, startEtcd } from './etcd-fixture.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';
import { until } from './until.js';

/** What a watch has told. */
interface Heard extends WatchListener {
  readonly values: string[];
  readonly ends: string[];
}

describe('the port over npm etcd3, on one connection', function () {
  this.timeout(30_000);
  let server: EtcdServer;
  let line: TcpProxy;
  let port: EtcdPort;

  before(async () => {
    server = await startEtcd();
  });

  beforeEach(async () => {
    line = await startTcpProxy(server.port);
    port = await createEtcdConnector({ clock: systemClock })(`127.0.0.1:${line.port}`);
  });

  afterEach(async () => {
    port.close();
    await line.close();
  });

  after(() => server.stop());

  function listener(): Heard {
    const values: string[] = [];
    const ends: string[] = [];
    return {
      values,
      ends,
      onEvents: (events) => {
        for (const event of events) if (event.type === 'put') values.push(Buffer.from(event.entry.value).toString());
      },
      onEnd: (error) => void ends.push(error.message),
    };
  }

  /** A watch that is known to hear. */
  async function watching(key: string): Promise<Heard> {
    const heard = listener();
    const startRevision = await port.put(key, 'first', '0', 3_000);
    port.watch({ key, startRevision }, heard);
    await until(() => heard.values.length === 1, 'the watch to hear of what was there');
    return heard;
  }

  /** A call of each of the services of etcd that this package uses, and a change that the watch must hear of over the same connection. */
  async function assertUndisturbed(key: string, heard: Heard): Promise<void> {
    const { id } = await port.grant(60, 3_000);
    await port.put(key, 'second', '0', 3_000);
    await until(() => heard.values.includes('second'), 'the watch to hear of a change');
    await port.revoke(id, 3_000);
    assert.deepEqual(heard.ends, []);
    assert.equal(line.accepted, 1, 'connections were made');
  }

  it('closes a watch without harm to another', async () => {
    const heard = await watching('/kept');
    for (let i = 0; i < 5; i++) {
      const closed = listener();
      const startRevision = await port.put('/closed', `${i}`, '0', 3_000);
      const watch = port.watch({ key: '/closed', startRevision }, closed);
      await until(() => closed.values.length === 1, 'the watch to begin');
      watch.close();
      await port.range({ key: '/closed', limit: 1 }, 3_000);
    }
    await assertUndisturbed('/kept', heard);
  });

  it('renews a lease without harm to a watch', async () => {
    const heard = await watching('/kept');
    const { id } = await port.grant(60, 3_000);
    for (let i = 0; i < 5; i++) assert.equal(await port.keepAliveOnce(id, 3_000), 60);
    await assertUndisturbed('/kept', heard);
  });

  it('ends a watch that etcd refuses without harm to another', async () => {
    const heard = await watching('/kept');
    const revision = await port.put('/compacted', '1', '0', 3_000);
    await port.put('/compacted', '2', '0', 3_000);
    await server.ctl('compact', `${revision + 1}`);
    const refused = listener();
    port.watch({ key: '/compacted', startRevision: 1 }, refused);
    await until(() => refused.ends.length === 1, 'the watch to be refused');
    await assertUndisturbed('/kept', heard);
  });

  it('meets an answer that is too large without harm to a watch', async () => {
    const heard = await watching('/kept');
    for (let i = 0; i < 5; i++) await port.put(`/large/${i}`, 'x'.repeat(1_000_000), '0', 3_000);
    const read = port.range({ key: '/large/', rangeEnd: '/large0', limit: 5 }, 3_000);
    await assert.rejects(read, (error: { kind?: string }) => error.kind === 'exhausted');
    await assertUndisturbed('/kept', heard);
  });
});
