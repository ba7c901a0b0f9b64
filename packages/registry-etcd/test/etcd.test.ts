import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { systemClock, systemRandom } from '@org/rpc-core';
import type { RegistryEvent, RegistryHandle } from '@org/rpc-registry';
import { recordSnapshots } from '@org/rpc-testkit';
import { createEtcdConnector } from '../src/client/etcd-client.js';
import type { EtcdError, EtcdPort } from '../src/client/etcd-port.js';
import { etcd } from '../src/etcd-registry.js';
import { type EtcdServer, startEtcd } from './etcd-fixture.js';
import { until } from './until.js';
import { greeterKey, instance, shown } from './world.js';

/** What is expected to be restored is restored within 2 s; the rest is what a busy machine may add. */
const RESTORED_MS = 2_000;
const SLACK_MS = 3_000;

describe('etcd, killed, frozen and meddled with', function () {
  this.timeout(30_000);
  let server: EtcdServer;
  let events: RegistryEvent[];
  const handles: RegistryHandle[] = [];

  before(async () => {
    server = await startEtcd();
  });

  beforeEach(() => {
    events = [];
  });

  afterEach(async () => {
    await Promise.all(handles.splice(0).map((handle) => handle.close()));
    await server.ctl('del', '--prefix', '/');
  });

  after(() => server.stop());

  function open(options: object = {}): RegistryHandle {
    const handle = etcd({ hosts: server.url, ttlSeconds: 5, ...options }).open({
      namespace: 'test',
      clock: systemClock,
      random: systemRandom,
      onEvent: (event) => events.push(event),
    });
    handles.push(handle);
    return handle;
  }

  /** The id of the lease that keeps a key, in the form that etcdctl takes. */
  async function leaseOf(key: string): Promise<string> {
    const { kvs } = JSON.parse(await server.ctl('get', key, '-w', 'json')) as { kvs?: { lease?: number }[] };
    // JSON numbers lose the last digits of an id of 63 bits: only the text of the fields has them all.
    const text = await server.ctl('get', key, '-w', 'fields');
    const lease = /"Lease" : (\d+)/.exec(text)?.[1];
    return kvs === undefined || lease === undefined ? '' : BigInt(lease).toString(16);
  }

  async function isListed(key: string): Promise<boolean> {
    return (await server.ctl('get', key, '--keys-only')).includes(key);
  }

  async function restored(key: string, what: string): Promise<void> {
    await until(() => isListed(key), what, RESTORED_MS + SLACK_MS);
  }

  it('registers anew when its lease is revoked by hand', async () => {
    const registration = open().register(instance('one'));
    await registration.registered;
    const lease = await leaseOf(greeterKey('one'));
    await server.ctl('lease', 'revoke', lease);
    await restored(greeterKey('one'), 'the entry to be written anew');
    assert.notEqual(await leaseOf(greeterKey('one')), lease);
  });

  it('registers anew when its key is deleted by hand', async () => {
    await open().register(instance('one')).registered;
    await server.ctl('del', greeterKey('one'));
    await restored(greeterKey('one'), 'the entry to be written anew');
    assert.ok(events.some(({ kind }) => kind === 'lost'));
  });

  it('leaves alone what another process writes under its key, and reports it', async () => {
    await open().register(instance('one')).registered;
    await server.ctl('put', greeterKey('one'), 'theirs');
    await until(() => events.some(({ kind }) => kind === 'conflict'), 'the conflict to be reported');
    assert.match(await server.ctl('get', greeterKey('one')), /theirs/);
  });

  it('renews its lease for longer than its time to live', async () => {
    const registration = open().register(instance('one'));
    await registration.registered;
    const lease = await leaseOf(greeterKey('one'));
    // Renewed twice, at least: what is left grows again.
    const left = async (): Promise<number> =>
      Number(/remaining\((\d+)s\)/.exec(await server.ctl('lease', 'timetolive', lease))?.[1] ?? -1);
    for (let renewal = 0; renewal < 2; renewal++) {
      await until(async () => (await left()) <= 3, 'the lease to be used up by a third');
      await until(async () => (await left()) >= 4, 'the lease to be renewed');
    }
    assert.deepEqual(registration.state(), { status: 'registered' });
  });

  it('goes on after etcd was killed and started again with its data, watch and lease as before', async () => {
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    await handle.register(instance('one')).registered;
    await recorder.until((snapshot) => shown(snapshot) === 'one');
    await server.restart();
    await server.ctl('put', greeterKey('two'), JSON.stringify({ host: 'h2', port: 2 }));
    await recorder.until((snapshot) => shown(snapshot) === 'one two', 15_000);
    assert.deepEqual(
      recorder.snapshots.flatMap(({ gone }) => gone),
      [],
    );
  });

  it('converges when the changes that it missed were compacted away', async () => {
    const recorder = recordSnapshots(open(), 'greeter');
    await server.ctl('put', greeterKey('one'), JSON.stringify({ host: 'h1', port: 1 }));
    await recorder.until((snapshot) => shown(snapshot) === 'one');
    await server.restart();
    for (let port = 1; port <= 5; port++) {
      await server.ctl('put', greeterKey('two'), JSON.stringify({ host: 'h2', port }));
    }
    await server.ctl('del', greeterKey('one'));
    const { header } = JSON.parse(await server.ctl('get', '/', '-w', 'json')) as { header: { revision: number } };
    await server.ctl('compact', `${header.revision}`);
    const { gone } = await recorder.until((snapshot) => shown(snapshot) === 'two', 15_000);
    assert.deepEqual(gone, [{ id: 'one', reason: 'unknown' }]);
  });

  it('enters itself into a cluster that was replaced by an empty one, and watches that', async () => {
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    await handle.register(instance('one')).registered;
    for (let i = 0; i < 20; i++) await server.ctl('put', '/other', `${i}`);
    await recorder.until((snapshot) => shown(snapshot) === 'one');
    await server.restart({ wipe: true });
    await until(() => isListed(greeterKey('one')), 'the entry to be written into the new cluster', 20_000);
    await server.ctl('put', greeterKey('two'), JSON.stringify({ host: 'h2', port: 2 }));
    await recorder.until((snapshot) => shown(snapshot) === 'one two', 15_000);
  });

  it('keeps its list while etcd is frozen, says so, and goes on when it thaws', async () => {
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    const registration = handle.register(instance('one'));
    await registration.registered;
    await recorder.until((snapshot) => shown(snapshot) === 'one');
    await server.kill('SIGSTOP');
    try {
      await recorder.until((snapshot) => shown(snapshot) === '~one', 20_000);
      assert.equal(registration.state().status, 'pending');
    } finally {
      await server.kill('SIGCONT');
    }
    const stale = recorder.snapshots.length;
    await until(() => recorder.snapshots.slice(stale).some(({ fresh }) => fresh), 'a fresh list', 15_000);
    await until(() => registration.state().status === 'registered', 'the registration', 15_000);
    await until(() => isListed(greeterKey('one')), 'the entry', 5_000);
  });

  it('closes while etcd is frozen, and lets the process end', async () => {
    const child = spawn(
      process.execPath,
      ['--import=tsx', '--conditions=@org/source', 'closing-process.ts', server.url],
      {
        cwd: import.meta.dirname,
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const exited = once(child, 'exit');
    const ready = once(child.stdout, 'data').then(([text]) => String(text).trim());
    assert.equal(await Promise.race([ready, exited]), 'ready');
    await server.kill('SIGSTOP');
    try {
      child.stdin.end('close');
      await until(() => child.exitCode !== null, 'the process to end', 10_000);
      assert.deepEqual(await exited, [0, null]);
    } finally {
      child.kill('SIGKILL');
      await server.kill('SIGCONT');
    }
  });

  it('tells a wrong password as such, without showing it', async () => {
    await server.ctl('user', 'add', 'root:right');
    await server.ctl('user', 'grant-role', 'root', 'root');
    await server.ctl('auth', 'enable');
    try {
      const refused = open({ auth: { username: 'root', password: 'wrong-sesame' } });
      refused.watch('greeter', () => undefined);
      await until(() => events.some(({ kind }) => kind === 'unreachable'), 'the refusal to be reported');
      const message = events.map((event) => event.message).join();
      assert.match(message, /authentication failed/);
      assert.doesNotMatch(message, /sesame/);
      const accepted = open({ auth: { username: 'root', password: 'right' } });
      await accepted.register(instance('one')).registered;
      assert.deepEqual(await accepted.services(), ['greeter']);
      await Promise.all(handles.splice(0).map((handle) => handle.close()));
    } finally {
      await server.ctl('--user=root:right', 'auth', 'disable');
    }
  });

  it('reads a service of 1,200 instances whose values fill more than one message', async () => {
    const port = await createEtcdConnector({ clock: systemClock })(new URL(server.url).host);
    const filler = 'x'.repeat(8 * 1024);
    const put = (i: number): Promise<number> => {
      const value = JSON.stringify({ host: 'h', port: 1, later: filler });
      return port.put(greeterKey(`${i}`), value, '0', 10_000);
    };
    for (let i = 0; i < 1_200; i += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => put(i + k)));
    port.close();
    await recordSnapshots(open(), 'greeter').until(({ endpoints }) => endpoints.length === 1_200, 10_000);
  });
});

describe('the port over npm etcd3', () => {
  let server: EtcdServer;
  let port: EtcdPort;

  before(async () => {
    server = await startEtcd();
    port = await createEtcdConnector({ clock: systemClock })(`127.0.0.1:${server.port}`);
  });

  after(async () => {
    port.close();
    port.close();
    await server.stop();
  });

  async function kindOf(call: Promise<unknown>): Promise<string> {
    return call.then(
      () => 'none',
      (error: EtcdError) => error.kind,
    );
  }

  it('grants, renews and revokes a lease', async () => {
    const { id, ttlSeconds } = await port.grant(60, 3_000);
    assert.equal(ttlSeconds, 60);
    assert.equal(await port.keepAliveOnce(id, 3_000), 60);
    await port.revoke(id, 3_000);
    await port.revoke(id, 3_000);
    assert.equal(await port.keepAliveOnce(id, 3_000), 0);
    assert.equal(await kindOf(port.put('/k', 'v', id, 3_000)), 'leaseNotFound');
  });

  it('writes and deletes only what is as it was when asked to', async () => {
    const revision = await port.put('/if', 'a', '0', 3_000);
    const refused = await port.putIf('/if', 'b', '0', revision - 1, 3_000);
    assert.ok(!refused.written && refused.current?.modRevision === revision);
    assert.equal(Buffer.from(refused.current.value).toString(), 'a');
    assert.deepEqual(await port.putIf('/if', 'b', '0', revision, 3_000), { written: true, revision: revision + 1 });
    assert.deepEqual(await port.putIf('/none', 'b', '0', 7, 3_000), { written: false, current: undefined });
    assert.equal(await port.deleteIf('/if', '77', 3_000), false);
    assert.equal(await port.deleteIf('/if', '0', 3_000), true);
    assert.equal(await port.deleteIf('/if', '0', 3_000), false);
  });

  it('reads keys of any bytes', async () => {
    const key = '/bytes/\u00ff\u0080\u0000';
    await port.put(key, 'v', '0', 3_000);
    const { entries, count } = await port.range({ key: '/bytes/', rangeEnd: '/bytes0', limit: 10 }, 3_000);
    assert.deepEqual([entries[0]?.key, count], [key, 1]);
  });

  it('reads what was written since a revision, and counts the rest', async () => {
    await port.put('/since/a', '1', '0', 3_000);
    await port.put('/since/b', '1', '0', 3_000);
    const minModRevision = await port.put('/since/a', '2', '0', 3_000);
    const request = { key: '/since/', rangeEnd: '/since0', limit: 10, keysOnly: true, minModRevision };
    const { entries, count, more } = await port.range(request, 3_000);
    assert.deepEqual([entries.map(({ key }) => key), count, more], [['/since/a'], 2, false]);
    assert.equal(entries[0]?.modRevision, minModRevision);
  });

  it('ends a watch on a compacted revision as such', async () => {
    const revision = await port.put('/c', '1', '0', 3_000);
    await port.put('/c', '2', '0', 3_000);
    await server.ctl('compact', `${revision + 1}`);
    const kind = await new Promise((resolve) => {
      port.watch({ key: '/c', startRevision: 1 }, { onEvents: () => undefined, onEnd: (error) => resolve(error.kind) });
    });
    assert.equal(kind, 'compacted');
    assert.equal(await kindOf(port.range({ key: '/c', limit: 1, revision: 1 }, 3_000)), 'compacted');
  });

  it('tells an etcd that is away, and one that does not answer', async () => {
    await server.kill('SIGSTOP');
    assert.equal(await kindOf(port.range({ key: '/c', limit: 1 }, 300)), 'deadline');
    assert.equal(await kindOf(port.keepAliveOnce('77', 300)), 'deadline');
    await server.kill('SIGKILL');
    const other = await createEtcdConnector({ clock: systemClock })(`127.0.0.1:${server.port}`);
    const ended = new Promise((resolve) => {
      other.watch(
        { key: '/c', startRevision: 1 },
        { onEvents: () => undefined, onEnd: (error) => resolve(error.kind) },
      );
    });
    assert.equal(await kindOf(other.range({ key: '/c', limit: 1 }, 3_000)), 'unavailable');
    assert.equal(await ended, 'unavailable');
    other.close();
  });
});
