import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { FakeEtcd } from '../../test/fake-etcd.js';
import { connectTo } from '../../test/fake-etcd-port.js';
import { ClientHolder, type PortCall } from './client-holder.js';
import { type ConnectEtcd, EtcdError, type EtcdErrorKind } from './etcd-port.js';

describe('ClientHolder', () => {
  const grant: PortCall<unknown> = (port, deadlineMs) => port.grant(15, deadlineMs);

  function create(hosts = ['a', 'b', 'c'], random = 0) {
    const clock = new FakeClock();
    const etcd = new FakeEtcd(clock);
    return { clock, etcd, holder: new ClientHolder(connectTo(etcd), hosts, clock, () => random) };
  }

  async function kindOf(call: Promise<unknown>): Promise<EtcdErrorKind | 'none'> {
    return call.then(
      () => 'none',
      (error) => (error as EtcdError).kind,
    );
  }

  it('connects at the first call and not before', async () => {
    const { etcd, holder } = create();
    assert.deepEqual(etcd.connections, []);
    await holder.call(1_000, grant);
    await holder.call(1_000, grant);
    assert.deepEqual(etcd.connections, ['a']);
  });

  it('begins at a host of chance', async () => {
    const { etcd, holder } = create(['a', 'b', 'c'], 0.5);
    await holder.call(1_000, grant);
    assert.deepEqual(etcd.connections, ['b']);
  });

  it('goes to the next host after one that is unreachable, and around', async () => {
    const { etcd, holder } = create();
    etcd.fault = () => new EtcdError('unavailable', 'refused');
    for (let call = 0; call < 4; call++) assert.equal(await kindOf(holder.call(1_000, grant)), 'unavailable');
    assert.deepEqual(etcd.connections, ['a', 'b', 'c', 'a']);
  });

  it('ends a call that hangs, and replaces the connection', async () => {
    const { clock, etcd, holder } = create();
    etcd.fault = (_, host) => (host === 'a' ? 'hang' : undefined);
    const hung = kindOf(holder.call(1_000, grant));
    await clock.advance(1_200);
    assert.equal(await hung, 'deadline');
    assert.equal(await kindOf(holder.call(1_000, grant)), 'none');
    assert.deepEqual(etcd.connections, ['a', 'b']);
    assert.equal(clock.pending, 0);
  });

  it('keeps the connection when etcd answers, if only with an error', async () => {
    const { etcd, holder } = create();
    for (const kind of ['denied', 'exhausted', 'compacted', 'leaseNotFound', 'other'] as const) {
      etcd.fault = () => new EtcdError(kind, 'no');
      assert.equal(await kindOf(holder.call(1_000, grant)), kind);
    }
    assert.deepEqual(etcd.connections, ['a']);
  });

  it('replaces a connection once for all calls that failed on it', async () => {
    const { clock, etcd, holder } = create();
    etcd.fault = (_, host) => (host === 'a' ? 'hang' : undefined);
    const calls = Array.from({ length: 5 }, () => kindOf(holder.call(1_000, grant)));
    await clock.advance(1_200);
    assert.deepEqual(await Promise.all(calls), Array(5).fill('deadline'));
    await holder.call(1_000, grant);
    assert.deepEqual(etcd.connections, ['a', 'b']);
  });

  it('ends the watches of a connection that it replaces', async () => {
    const { etcd, holder } = create();
    const ends: string[] = [];
    holder.watch({ key: 'k', startRevision: 1 }, { onEvents: () => undefined, onEnd: ({ kind }) => ends.push(kind) });
    await holder.call(1_000, grant);
    etcd.fault = () => new EtcdError('unavailable', 'refused');
    await kindOf(holder.call(1_000, grant));
    await undefined;
    assert.deepEqual(ends, ['unavailable']);
  });

  it('replaces a connection whose watch was cut', async () => {
    const { etcd, holder } = create();
    holder.watch({ key: 'k', startRevision: 1 }, { onEvents: () => undefined, onEnd: () => undefined });
    await holder.call(1_000, grant);
    etcd.breakWatches();
    await holder.call(1_000, grant);
    assert.deepEqual(etcd.connections, ['a', 'b']);
  });

  it('tells a watch that was closed nothing more', async () => {
    const { etcd, holder } = create();
    const heard: string[] = [];
    const listener = { onEvents: () => heard.push('events'), onEnd: () => heard.push('end') };
    const watch = holder.watch({ key: 'k', startRevision: 1 }, listener);
    watch.close();
    await holder.call(1_000, grant);
    assert.equal(etcd.watches.size, 0);
    etcd.breakWatches();
    assert.deepEqual(heard, []);
  });

  it('takes a client that cannot be made for an unreachable host, and tries again', async () => {
    const clock = new FakeClock();
    const etcd = new FakeEtcd(clock);
    let attempts = 0;
    const connect: ConnectEtcd = (host) =>
      ++attempts === 1 ? Promise.reject(new Error("Cannot find package 'etcd3'")) : connectTo(etcd)(host);
    const holder = new ClientHolder(connect, ['a'], clock, () => 0);
    await assert.rejects(holder.call(1_000, grant), { kind: 'unavailable', message: /Cannot find package 'etcd3'/ });
    await holder.call(1_000, grant);
  });

  it('fails what is in progress when it is closed, and leaves no timer', async () => {
    const { clock, etcd, holder } = create();
    etcd.fault = () => 'hang';
    const call = kindOf(holder.call(1_000, grant));
    holder.close();
    holder.close();
    assert.equal(await call, 'unavailable');
    assert.equal(await kindOf(holder.call(1_000, grant)), 'unavailable');
    assert.equal(clock.pending, 0);
    assert.equal(etcd.connections.length, 1);
  });
});
