import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { systemClock, systemRandom } from '@org/rpc-core';
import { FakeClock, type RegistryContractSetup, registryContract, seededRandom } from '@org/rpc-testkit';
import { FakeEtcd } from '../test/fake-etcd.js';
import { connectTo } from '../test/fake-etcd-port.js';
import { createWorld, endpoint, greeterKey, instance, shown } from '../test/world.js';
import { EtcdError } from './client/etcd-port.js';
import { etcd, openEtcdRegistry } from './etcd-registry.js';
import { formatInstanceValue } from './instances/instance-value.js';
import { createServiceKeys } from './keys.js';
import { resolveEtcdOptions } from './options.js';

describe('etcd()', () => {
  const auth = { username: 'admin', password: 'sesame' };

  it('shows itself without its password', () => {
    const { display } = etcd({ hosts: ['http://h1:2379', 'h2'], auth });
    assert.equal(display, 'etcd://h1:2379,h2:2379');
    assert.equal(etcd({ hosts: 'https://h1', prefix: '/apps' }).display, 'etcds://h1:2379/apps');
    assert.doesNotMatch(JSON.stringify(etcd({ hosts: 'h1', auth })), /sesame/);
  });

  it('asks for 3 s between goodbye and deletion', () => {
    assert.equal(etcd({ hosts: 'h1' }).drainLeadMs, 3_000);
  });

  it('refuses a namespace that is no name', () => {
    const open = (): unknown =>
      etcd({ hosts: 'h1' }).open({ namespace: 'a/b', clock: systemClock, random: systemRandom });
    assert.throws(open, { name: 'TypeError', message: /namespace/ });
  });

  it('loads npm etcd3 by the first call and not before', () => {
    const script = `
      import { createRequire } from 'node:module';
      const { cache } = createRequire(import.meta.url);
      const loaded = () => Object.keys(cache).some((file) => /node_modules[\\\\/]etcd3[\\\\/]/.test(file));
      const { systemClock, systemRandom } = await import('@org/rpc-core');
      const { etcd } = await import('@org/rpc-registry-etcd');
      const handle = etcd({ hosts: '127.0.0.1:1' }).open({ namespace: 'n', clock: systemClock, random: systemRandom });
      const before = loaded();
      await handle.services().catch(() => undefined);
      console.log(JSON.stringify([before, loaded()]));
      await handle.close();
    `;
    const args = ['--import=tsx', '--conditions=@org/source', '--input-type=module', '--eval', script];
    const output = execFileSync(process.execPath, args, {
      encoding: 'utf8',
      cwd: import.meta.dirname,
      timeout: 20_000,
    });
    assert.deepEqual(JSON.parse(output), [false, true]);
  }).timeout(20_000);
});

describe('a handle of an etcd registry', () => {
  it('does nothing before it is used', async () => {
    const { clock, etcd: store, open } = createWorld();
    const handle = open();
    await clock.advance(60_000);
    assert.deepEqual(store.connections, []);
    await handle.close();
  });

  it('uses one connection, and one list and watch a service, for all that it does', async () => {
    const { clock, etcd: store, open } = createWorld();
    const handle = open();
    for (let i = 0; i < 3; i++) handle.watch('greeter', () => undefined);
    await clock.advance(0);
    assert.deepEqual(store.calls, ['range']);
    assert.equal(store.watches.size, 1);
    handle.register(instance('one'));
    await handle.services();
    assert.equal(store.connections.length, 1);
    await handle.close();
    assert.equal(clock.pending, 0);
  });

  it('stops following a service when its last watch is closed', async () => {
    const { clock, etcd: store, open } = createWorld();
    const handle = open();
    const watches = [handle.watch('greeter', () => undefined), handle.watch('greeter', () => undefined)];
    await clock.advance(0);
    watches[0]?.close();
    assert.equal(store.watches.size, 1);
    watches[1]?.close();
    watches[1]?.close();
    assert.equal(store.watches.size, 0);
    assert.equal(clock.pending, 0);
    const again: string[] = [];
    handle.watch('greeter', (snapshot) => again.push(shown(snapshot)));
    await clock.advance(0);
    assert.deepEqual(again, ['']);
    await handle.close();
  });

  it('keeps each registration on a lease of its own', async () => {
    const { clock, etcd: store, open } = createWorld();
    const handle = open();
    const [one] = [handle.register(instance('one')), handle.register(instance('two'))];
    await clock.advance(0);
    assert.equal(store.leaseIds.length, 2);
    await one?.close();
    assert.deepEqual(store.keys, [greeterKey('two')]);
    await handle.close();
    assert.deepEqual(store.keys, []);
  });

  it('refuses an instance that is none at once', async () => {
    const handle = createWorld().open();
    assert.throws(() => handle.register(instance('one', { port: -1 })), { name: 'TypeError', message: /port/ });
    assert.throws(() => handle.register({ services: ['a/b'], endpoint: endpoint('one') }), { name: 'TypeError' });
    await handle.close();
  });

  it('does nothing any more once it is closed', async () => {
    const { clock, etcd: store, open } = createWorld();
    const handle = open();
    await handle.close();
    const heard: unknown[] = [];
    handle.watch('greeter', (snapshot) => heard.push(snapshot)).close();
    const registration = handle.register(instance('one'));
    await assert.rejects(registration.registered, { code: 'CANCELLED' });
    await assert.rejects(handle.services(), { code: 'UNAVAILABLE' });
    await clock.advance(60_000);
    assert.deepEqual([heard, store.connections, clock.pending], [[], [], 0]);
  });

  it('closes within a second when etcd hangs, leaving nothing', async () => {
    const { clock, etcd: store, open } = createWorld();
    const handle = open();
    for (const id of ['one', 'two', 'three']) handle.register(instance(id));
    handle.watch('greeter', () => undefined);
    await clock.advance(1_000);
    store.fault = () => 'hang';
    let closed = false;
    void handle.close().then(() => {
      closed = true;
    });
    await clock.advance(1_000);
    assert.equal(closed, true);
    assert.deepEqual([clock.pending, store.watches.size], [0, 0]);
  });

  it('survives a storm of everything that goes wrong, and is right 60 s after it', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { clock, etcd: store, open } = createWorld(['a', 'b', 'c'], seed);
      const chance = seededRandom(seed * 7919);
      const handle = open();
      const seen: string[] = [];
      handle.watch('greeter', (snapshot) => seen.push(shown(snapshot)));
      for (const id of ['one', 'two']) handle.register(instance(id));
      const faults = [new EtcdError('unavailable', 'x'), new EtcdError('other', 'y'), 'hang', 'loseAnswer'] as const;
      store.fault = () => (chance() < 0.4 ? faults[Math.floor(chance() * faults.length)] : undefined);
      for (let step = 0; step < 60; step++) {
        await clock.advance(chance() * 4_000);
        const dice = chance();
        if (dice < 0.1) store.breakWatches();
        else if (dice < 0.15) store.wipe();
        else if (dice < 0.25) for (const id of store.leaseIds) store.revoke(id);
        else if (dice < 0.35) store.delete(greeterKey('one'));
        else if (dice < 0.45) store.compact(store.revision);
        else if (dice < 0.55) store.mute = !store.mute;
      }
      store.fault = () => undefined;
      store.mute = false;
      await clock.advance(60_000);
      assert.deepEqual([seed, store.keys], [seed, [greeterKey('one'), greeterKey('two')]]);
      assert.equal(seen.at(-1), 'one two', `seed ${seed}`);
      await handle.close();
      assert.deepEqual([store.keys, clock.pending, store.watches.size], [[], 0, 0], `seed ${seed}`);
    }
  });
});

describe('the registry contract on virtual time', () => {
  async function setup(): Promise<RegistryContractSetup> {
    const clock = new FakeClock();
    const store = new FakeEtcd(clock);
    const options = resolveEtcdOptions({ hosts: 'h1' });
    return {
      create: () => ({ ...etcd({ hosts: 'h1' }), open: (given) => openEtcdRegistry(options, given, connectTo(store)) }),
      clock,
      settle: () => clock.advance(50),
      async startOwner({ services, endpoint: data }, namespace) {
        const keys = createServiceKeys('rpc', namespace);
        const lease = store.grant(15);
        for (const service of services) store.put(keys.instanceKey(service, data.id), formatInstanceValue(data), lease);
        return { kill: async () => store.revoke(lease) };
      },
      loseEntries: async () => {
        for (const key of store.keys) store.delete(key);
      },
      beginOutage: async () => {
        store.fault = () => new EtcdError('unavailable', 'connection refused');
        store.breakWatches();
      },
      endOutage: async () => {
        store.fault = () => undefined;
      },
      close: async () => undefined,
    };
  }

  registryContract('etcd in memory', setup, { covers: ['deadOwner', 'lostEntries', 'outage'] });
});
