import assert from 'node:assert/strict';
import { createWorld, greeterKey, instance, type World } from '../test/world.js';
import { EtcdError } from './etcd-port.js';
import { parseInstanceValue } from './instance-value.js';
import { EtcdRegistration } from './registration.js';

describe('EtcdRegistration', () => {
  const key = greeterKey('one');
  const unavailable = new EtcdError('unavailable', 'connection refused');

  interface Registered extends World {
    readonly registration: EtcdRegistration;
    weight(): number | undefined;
  }

  async function register(prepare?: (world: World) => void, changes = {}): Promise<Registered> {
    const world = createWorld();
    prepare?.(world);
    const registration = new EtcdRegistration(instance('one', changes), world.environment);
    await world.clock.advance(0);
    const weight = (): number | undefined => {
      const entry = world.etcd.get(key);
      return entry && parseInstanceValue(entry.value, 'one').endpoint?.weight;
    };
    return { ...world, registration, weight };
  }

  async function end({ registration, environment, clock, etcd }: Registered): Promise<void> {
    const closing = registration.close();
    await clock.advance(1_000);
    await closing;
    environment.holder.close();
    assert.equal(clock.pending, 0);
    assert.equal(etcd.watches.size, 0);
  }

  it('writes the instance under a lease, and says so', async () => {
    const world = await register();
    await world.registration.registered;
    assert.deepEqual(world.registration.state(), { status: 'registered' });
    assert.deepEqual([world.etcd.get(key)?.leaseId], world.etcd.leaseIds);
    assert.deepEqual(world.kinds(), ['registered']);
    await end(world);
  });

  it('writes it under each of its services, with one lease', async () => {
    const world = createWorld();
    const { endpoint } = instance('one');
    const registration = new EtcdRegistration({ services: ['greeter', 'mailer'], endpoint }, world.environment);
    await world.clock.advance(0);
    assert.deepEqual(world.etcd.keys, [key, key.replace('greeter', 'mailer')]);
    assert.equal(world.etcd.leaseIds.length, 1);
    await end({ ...world, registration, weight: () => undefined });
  });

  it('renews the lease about every third of it, for ever', async () => {
    const world = await register();
    await world.clock.advance(3_600_000);
    const renewals = world.etcd.calls.filter((call) => call === 'keepAliveOnce').length;
    assert.ok(renewals >= 720 && renewals <= 900, `${renewals} renewals in an hour`);
    assert.equal(world.etcd.leaseIds.length, 1);
    assert.deepEqual(world.kinds(), ['registered']);
    await end(world);
  });

  it('writes an entry that was deleted anew within 100 ms', async () => {
    const world = await register();
    world.etcd.delete(key);
    await world.clock.advance(100);
    assert.equal(world.weight(), 100);
    assert.deepEqual(world.kinds(), ['registered', 'lost', 'registered']);
    assert.equal(world.etcd.leaseIds.length, 1);
    await end(world);
  });

  it('gets a new lease within 200 ms when its lease was revoked', async () => {
    const world = await register();
    world.etcd.revoke(world.etcd.leaseIds[0]!);
    await world.clock.advance(200);
    assert.equal(world.weight(), 100);
    assert.deepEqual([world.etcd.get(key)?.leaseId], world.etcd.leaseIds);
    await end(world);
  });

  it('finds out by the renewal that its lease is gone when no watch tells', async () => {
    const world = await register();
    world.etcd.mute = true;
    world.etcd.revoke(world.etcd.leaseIds[0]!);
    await world.clock.advance(5_100);
    assert.equal(world.weight(), 100);
    assert.deepEqual(world.registration.state(), { status: 'registered' });
    await end(world);
  });

  it('finds out by reading its key that it is gone, though lease and watch say nothing', async () => {
    const world = await register();
    world.etcd.mute = true;
    world.etcd.delete(key);
    await world.clock.advance(45_000);
    assert.equal(world.weight(), 100);
    await end(world);
  });

  it('enters itself into a cluster that was replaced by an empty one', async () => {
    const world = await register(({ etcd }) => {
      for (let i = 0; i < 100; i++) etcd.put('/other', `${i}`);
    });
    world.etcd.wipe();
    await world.clock.advance(2_000);
    assert.equal(world.weight(), 100);
    assert.deepEqual(world.registration.state(), { status: 'registered' });
    await end(world);
  });

  it('goes on trying while etcd is away, quickly at first, and says so once', async () => {
    const world = await register(({ etcd }) => {
      etcd.fault = () => unavailable;
    });
    await world.clock.advance(100);
    assert.equal(world.etcd.calls.length, 2);
    assert.deepEqual(world.registration.state(), { status: 'pending', error: unavailable });
    await world.clock.advance(600_000);
    assert.deepEqual(world.kinds(), ['unreachable']);
    assert.ok(world.etcd.calls.length < 80, `${world.etcd.calls.length} tries in 10 minutes`);
    world.etcd.fault = () => undefined;
    await world.clock.advance(30_000);
    await world.registration.registered;
    assert.deepEqual(world.kinds(), ['unreachable', 'recovered', 'registered']);
    await end(world);
  });

  it('survives calls that never end', async () => {
    const world = await register(({ etcd }) => {
      etcd.fault = () => 'hang';
    });
    await world.clock.advance(10_000);
    assert.equal(world.registration.state().status, 'pending');
    world.etcd.fault = () => undefined;
    await world.clock.advance(10_000);
    assert.equal(world.weight(), 100);
    assert.ok(world.etcd.connections.length > 1);
    await end(world);
  });

  it('writes once more what may have been written, without taking it for the work of others', async () => {
    let loseNext = true;
    const world = await register(({ etcd }) => {
      etcd.fault = (call) => {
        if (call !== 'putIf' && call !== 'put') return undefined;
        const fault = loseNext ? 'loseAnswer' : undefined;
        loseNext = false;
        return fault;
      };
    });
    await world.clock.advance(5_000);
    assert.deepEqual(world.registration.state(), { status: 'registered' });
    loseNext = true;
    const updated = world.registration.update(instance('one', { weight: 7 }));
    await world.clock.advance(5_000);
    await updated;
    assert.equal(world.weight(), 7);
    assert.ok(!world.kinds().includes('conflict'));
    await end(world);
  });

  it('is pending when etcd has not heard of it for as long as the lease', async () => {
    const world = await register();
    world.etcd.fault = () => unavailable;
    await world.clock.advance(10_000);
    assert.deepEqual(world.registration.state(), { status: 'registered' });
    await world.clock.advance(10_000);
    assert.deepEqual(world.registration.state(), { status: 'pending', error: unavailable });
    world.etcd.fault = () => undefined;
    await world.clock.advance(10_000);
    assert.deepEqual(world.registration.state(), { status: 'registered' });
    assert.equal(world.weight(), 100);
    assert.deepEqual(world.kinds(), ['registered', 'unreachable', 'lost', 'recovered', 'registered']);
    await end(world);
  });

  it('tries renewals quickly enough that one lost answer does not cost the lease', async () => {
    const world = await register();
    let hangs = 1;
    world.etcd.fault = (call) => (call === 'keepAliveOnce' && hangs-- > 0 ? 'hang' : undefined);
    await world.clock.advance(60_000);
    assert.equal(world.etcd.leaseIds.length, 1);
    assert.deepEqual(world.kinds(), ['registered']);
    await end(world);
  });

  it('updates the entry, the last of several updates at least', async () => {
    const world = await register();
    const updates = [1, 2, 3].map((weight) => world.registration.update(instance('one', { weight })));
    await world.clock.advance(0);
    await Promise.all(updates);
    assert.equal(world.weight(), 3);
    assert.deepEqual(world.kinds(), ['registered']);
    await end(world);
  });

  it('moves the entry when its services change', async () => {
    const world = await register();
    const updated = world.registration.update({ ...instance('one'), services: ['mailer'] });
    await world.clock.advance(0);
    await updated;
    assert.deepEqual(world.etcd.keys, [key.replace('greeter', 'mailer')]);
    await world.registration.update(instance('one'));
    assert.deepEqual(world.etcd.keys, [key]);
    world.etcd.delete(key);
    await world.clock.advance(100);
    assert.deepEqual(world.etcd.keys, [key]);
    await end(world);
  });

  it('finishes an update that was asked for during an outage when that is over', async () => {
    const world = await register();
    world.etcd.fault = () => unavailable;
    let done = false;
    const updated = world.registration.update(instance('one', { weight: 7 })).then(() => {
      done = true;
    });
    await world.clock.advance(5_000);
    assert.equal(done, false);
    world.etcd.fault = () => undefined;
    await world.clock.advance(30_000);
    await updated;
    assert.equal(world.weight(), 7);
    await end(world);
  });

  it('refuses an update to another id, and one that is no instance', async () => {
    const world = await register();
    const message = /update: endpoint.id must stay "one", got "two"/;
    await assert.rejects(world.registration.update(instance('two')), { name: 'TypeError', message });
    await assert.rejects(world.registration.update(instance('one', { port: 0 })), {
      name: 'TypeError',
      message: /port/,
    });
    await end(world);
  });

  it('takes the key of a former self, whose lease has not run out yet', async () => {
    const world = await register(({ etcd }) => etcd.put(key, 'old', etcd.grant(15)));
    assert.equal(world.weight(), 100);
    assert.deepEqual(world.kinds(), ['registered']);
    await end(world);
  });

  it('reports another process that writes its key, once, and does not fight it', async () => {
    const world = await register();
    world.etcd.put(key, 'theirs');
    await world.clock.advance(300_000);
    assert.equal(world.etcd.text(key), 'theirs');
    assert.deepEqual(world.kinds(), ['registered', 'conflict']);
    assert.equal(world.registration.state().status, 'pending');
    const before = world.etcd.revision;
    void world.registration.update(instance('one', { weight: 7 }));
    await world.clock.advance(60_000);
    assert.equal(world.etcd.revision, before);
    assert.deepEqual(world.kinds(), ['registered', 'conflict']);
    await end(world);
    assert.equal(world.etcd.text(key), 'theirs');
  });

  it('comes back when the other process has gone', async () => {
    const world = await register();
    world.etcd.put(key, 'theirs');
    await world.clock.advance(1_000);
    world.etcd.delete(key);
    await world.clock.advance(100);
    assert.equal(world.weight(), 100);
    assert.deepEqual(world.kinds(), ['registered', 'conflict', 'registered']);
    await end(world);
  });

  it('lets two processes with one id settle who has it', async () => {
    const world = await register();
    const second = new EtcdRegistration(instance('one', { weight: 7 }), world.environment);
    await world.clock.advance(300_000);
    assert.equal(world.weight(), 7);
    assert.deepEqual(second.state(), { status: 'registered' });
    assert.equal(world.kinds().filter((kind) => kind === 'conflict').length, 1);
    assert.ok(world.etcd.revision < 10, `revision ${world.etcd.revision}`);
    await second.close();
    await world.clock.advance(100);
    assert.equal(world.weight(), 100);
    await end(world);
  });

  it('says goodbye, then deletes its entry and its lease, when it is closed', async () => {
    const world = await register();
    const states: (string | undefined)[] = [];
    const { put } = world.etcd;
    world.etcd.put = (...args) => {
      states.push(JSON.parse(String(args[1])).state);
      return put.apply(world.etcd, args);
    };
    await world.registration.close();
    assert.deepEqual(states, ['draining']);
    assert.deepEqual(world.etcd.keys, []);
    assert.deepEqual(world.etcd.leaseIds, []);
    assert.deepEqual(world.registration.state(), { status: 'closed' });
    await end(world);
  });

  it('does not say goodbye twice', async () => {
    const world = await register();
    await world.registration.update(instance('one', { state: 'draining' }));
    const before = world.etcd.calls.length;
    await world.registration.close();
    assert.deepEqual(world.etcd.calls.slice(before), ['revoke']);
    await end(world);
  });

  it('closes within a second when etcd hangs, and leaves no timer', async () => {
    const world = await register();
    world.etcd.fault = () => 'hang';
    const closing = world.registration.close();
    await world.clock.advance(1_000);
    await closing;
    await end(world);
  });

  it('closes at once when etcd is away', async () => {
    const world = await register();
    world.etcd.fault = () => unavailable;
    await world.registration.close();
    await end(world);
  });

  it('leaves nothing behind when it is closed while being written', async () => {
    const world = createWorld();
    const registration = new EtcdRegistration(instance('one'), world.environment);
    const rejected = assert.rejects(registration.registered, /closed before it was written/);
    await registration.close();
    await rejected;
    await world.clock.advance(60_000);
    assert.deepEqual(world.etcd.keys, []);
    assert.deepEqual(world.etcd.leaseIds, []);
    await end({ ...world, registration, weight: () => undefined });
  });

  it('releases who waits for an update when it is closed', async () => {
    const world = await register();
    world.etcd.fault = () => unavailable;
    const updated = world.registration.update(instance('one', { weight: 7 }));
    await world.registration.close();
    await updated;
    await world.registration.update(instance('one', { weight: 8 }));
    await end(world);
  });
});
