import assert from 'node:assert/strict';
import { end, register } from '../../test/register.js';
import { createWorld, greeterKey, instance } from '../../test/world.js';
import { EtcdError } from '../client/etcd-port.js';
import { EtcdRegistration } from './registration.js';

describe('EtcdRegistration, updated, contested and closed', () => {
  const key = greeterKey('one');
  const unavailable = new EtcdError('unavailable', 'connection refused');

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
    assert.equal(world.etcd.calls.filter((call) => call === 'putIf').length, 1);
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

  it('resolves an update that came during the writing of another only when it is written itself', async () => {
    const world = await register();
    let second: Promise<void> | undefined;
    world.etcd.fault = (call) => {
      if (call === 'putIf') second ??= world.registration.update(instance('one', { weight: 8 }));
      return undefined;
    };
    await world.registration.update(instance('one', { weight: 7 }));
    assert.ok(second);
    await second;
    assert.equal(world.weight(), 8);
    await end(world);
  });

  it('writes the value of before when the answer to an update was lost and it is taken back', async () => {
    const world = await register();
    world.etcd.fault = (call) => (call === 'putIf' ? 'loseAnswer' : undefined);
    void world.registration.update(instance('one', { weight: 7 }));
    await world.clock.advance(3_100);
    assert.equal(world.weight(), 7);
    world.etcd.fault = () => undefined;
    const back = world.registration.update(instance('one'));
    await world.clock.advance(5_000);
    await back;
    assert.equal(world.weight(), 100);
    await end(world);
  });

  it('looks after a key again that it could not withdraw before it was wanted back', async () => {
    const world = await register();
    world.etcd.fault = (call) => (call === 'deleteIf' ? unavailable : undefined);
    void world.registration.update({ ...instance('one'), services: ['mailer'] });
    await world.clock.advance(1_000);
    const back = world.registration.update(instance('one'));
    world.etcd.fault = () => undefined;
    await world.clock.advance(1_000);
    await back;
    world.etcd.delete(key);
    await world.clock.advance(1_000);
    assert.deepEqual(world.etcd.keys, [key]);
    await end(world);
  });

  it('leaves nothing behind when it is closed while its lease is granted', async () => {
    let closing: Promise<void> | undefined;
    const world = createWorld();
    const registration = new EtcdRegistration(instance('one'), world.environment);
    world.etcd.fault = (call) => {
      if (call === 'grant') closing = registration.close();
      return undefined;
    };
    await world.clock.advance(0);
    assert.ok(closing);
    await closing;
    assert.deepEqual([world.etcd.keys, world.etcd.leaseIds, world.clock.pending], [[], [], 0]);
    await end({ ...world, registration, weight: () => undefined });
  });

  it('withdraws a key whose writing was never answered', async () => {
    const world = await register(({ etcd }) => {
      etcd.fault = (call) => (call === 'put' ? 'loseAnswer' : undefined);
    });
    assert.deepEqual(world.etcd.keys, [key]);
    void world.registration.update({ ...instance('one'), services: ['mailer'] });
    await world.clock.advance(3_000);
    world.etcd.fault = () => undefined;
    await world.clock.advance(5_000);
    assert.deepEqual(world.etcd.keys, [key.replace('greeter', 'mailer')]);
    await end(world);
  });
});
