import assert from 'node:assert/strict';
import { end, register } from '../../test/register.js';
import { createWorld, greeterKey, instance } from '../../test/world.js';
import { EtcdError } from '../client/etcd-port.js';
import { EtcdRegistration } from './registration.js';

describe('EtcdRegistration', () => {
  const key = greeterKey('one');
  const unavailable = new EtcdError('unavailable', 'connection refused');

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
    await world.clock.advance(2_000);
    await world.registration.registered;
    assert.deepEqual(world.kinds(), ['unreachable', 'recovered', 'registered']);
    await end(world);
  });

  it('is written within 2 s of there being space again, however long there was none', async () => {
    const world = await register(({ etcd }) => {
      etcd.fault = (call) => (call === 'grant' ? new EtcdError('exhausted', 'database space exceeded') : undefined);
    });
    await world.clock.advance(600_000);
    assert.equal(world.weight(), undefined);
    world.etcd.fault = () => undefined;
    await world.clock.advance(2_000);
    assert.equal(world.weight(), 100);
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
    await world.clock.advance(2_000);
    assert.deepEqual(world.registration.state(), { status: 'registered' });
    assert.equal(world.weight(), 100);
    assert.deepEqual(world.kinds(), ['registered', 'unreachable', 'recovered', 'lost', 'registered']);
    await end(world);
  });

  it('has forgotten an outage of an hour when etcd has taken what it had to write, and renewed its lease', async () => {
    const world = await register();
    world.etcd.fault = () => unavailable;
    void world.registration.update(instance('one', { weight: 7 }));
    await world.clock.advance(3_600_000);
    world.etcd.fault = () => undefined;
    await world.clock.advance(2_000);
    assert.deepEqual(world.registration.state(), { status: 'registered' });
    let failures = 2;
    world.etcd.fault = (call) => (call === 'putIf' && failures-- > 0 ? new EtcdError('other', 'odd') : undefined);
    world.etcd.delete(key);
    await world.clock.advance(900);
    assert.equal(world.weight(), 7);
    await world.clock.advance(10_000);
    let renewals = 0;
    world.etcd.fault = (call) =>
      call === 'keepAliveOnce' && ++renewals <= 2 ? new EtcdError('other', 'odd') : undefined;
    while (renewals === 0) await world.clock.advance(100);
    await world.clock.advance(1_000);
    assert.equal(renewals, 3);
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
});
