import assert from 'node:assert/strict';
import { end, follow } from '../../test/follow.js';
import { createWorld } from '../../test/world.js';
import { EtcdError } from '../client/etcd-port.js';
import { type Reflection, Reflector } from './reflector.js';

describe('Reflector, in an outage', () => {
  const unavailable = new EtcdError('unavailable', 'refused');

  it('is no longer fresh after two failed reads, not after one, and keeps what it knew', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/a', '1'));
    let failures = 1;
    world.etcd.fault = (call) => (call === 'probe' || failures-- > 0 ? unavailable : undefined);
    await world.clock.advance(8_000);
    assert.deepEqual([...new Set(world.seen)], ['a=1']);
    failures = 2;
    world.etcd.breakWatches();
    await world.clock.advance(1_600 + 3_200);
    assert.ok(world.seen.includes('~a=1'));
    await world.clock.advance(6_400);
    assert.equal(world.last(), 'a=1');
    end(world);
  });

  it('finds an etcd that hangs by the read that must be answered, and goes to another host', async () => {
    const world = createWorld(['a', 'b']);
    world.etcd.put('k/a', '1');
    const fresh: boolean[] = [];
    const reflect = (reflection: Reflection): void => void fresh.push(reflection.fresh);
    const reflector = new Reflector({ key: 'k/', rangeEnd: 'k0' }, { reflect }, world.environment);
    reflector.start();
    await world.clock.advance(0);
    const [first] = world.etcd.connections;
    world.etcd.fault = (_, host) => (host === first ? 'hang' : undefined);
    await world.clock.advance(5_000 + 3_100 + 800);
    assert.equal(world.etcd.connections.length, 2);
    assert.ok(fresh.length === 2 && fresh.every(Boolean), fresh.join());
    reflector.close();
    world.environment.holder.close();
    assert.equal(world.clock.pending, 0);
  });

  it('is no longer fresh 9 s after it has heard from etcd, and not before', async () => {
    const world = await follow();
    world.etcd.fault = () => 'hang';
    await world.clock.advance(8_999);
    assert.equal(world.last(), '');
    await world.clock.advance(1);
    assert.equal(world.last(), '~');
    end(world);
  });

  it('is fresh again with the next read', async () => {
    const world = await follow();
    world.etcd.fault = () => 'hang';
    await world.clock.advance(9_000);
    assert.equal(world.last(), '~');
    world.etcd.fault = () => undefined;
    await world.clock.advance(3_100 + 1_500);
    assert.equal(world.last(), '');
    await world.clock.advance(60_000);
    assert.deepEqual(world.seen.slice(-1), ['']);
    end(world);
  });

  it('waits longer and longer while etcd is away, up to 30 s', async () => {
    const world = await follow();
    const { clock, etcd } = world;
    const times: number[] = [];
    etcd.fault = (call) => {
      if (call !== 'probe') times.push(clock.now());
      return unavailable;
    };
    etcd.breakWatches();
    await clock.advance(3_600_000);
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    const longest = Math.max(...gaps);
    assert.ok(gaps[0]! <= 1_600 && longest <= 30_000 && longest > 25_000, `${gaps[0]} to ${longest} ms`);
    assert.ok(times.length > 150 && times.length < 400, `${times.length} tries in an hour`);
    end(world);
  });

  it('waits no longer after the tenth lost watch than after the first, whenever etcd answers its lists', async () => {
    const world = await follow();
    const { clock, etcd } = world;
    for (let round = 0; round < 10; round++) {
      await clock.advance(3_000);
      etcd.breakWatches();
      etcd.put('k/a', `${round}`);
      await clock.advance(800);
      assert.equal(world.last(), `a=${round}`);
    }
    end(world);
  });

  it('has forgotten an outage of an hour as soon as etcd answers', async () => {
    const world = await follow();
    const { clock, etcd } = world;
    etcd.fault = () => unavailable;
    etcd.breakWatches();
    await clock.advance(3_600_000);
    etcd.fault = () => undefined;
    await clock.advance(2_000);
    etcd.fault = () => new EtcdError('other', 'odd');
    etcd.breakWatches();
    await clock.advance(1_600);
    etcd.fault = () => undefined;
    etcd.put('k/a', '1');
    await clock.advance(1_600);
    assert.equal(world.last(), 'a=1');
    end(world);
  });

  it('does not list without end when each watch ends at once', async () => {
    const world = await follow();
    const { clock, etcd } = world;
    const { watch } = etcd;
    etcd.watch = (open, startRevision) => {
      queueMicrotask(() => etcd.breakWatches());
      return watch.call(etcd, open, startRevision);
    };
    etcd.breakWatches();
    const before = etcd.calls.length;
    await clock.advance(60_000);
    const lists = etcd.calls.length - before;
    assert.ok(lists > 30 && lists < 120, `${lists} lists in a minute`);
    end(world);
  });

  it('recovers after an outage of an hour within 2 s', async () => {
    const world = await follow();
    world.etcd.fault = () => unavailable;
    world.etcd.breakWatches();
    await world.clock.advance(3_600_000);
    assert.equal(world.last(), '~');
    world.etcd.fault = () => undefined;
    world.etcd.put('k/a', '1');
    await world.clock.advance(2_000);
    assert.equal(world.last(), 'a=1');
    end(world);
  });

  it('reflects nothing before the first list has succeeded', async () => {
    const world = await follow(({ etcd }) => {
      etcd.fault = () => unavailable;
    });
    await world.clock.advance(60_000);
    assert.deepEqual(world.seen, []);
    world.etcd.fault = () => undefined;
    await world.clock.advance(30_000);
    assert.deepEqual(world.seen.slice(0, 1), ['']);
    end(world);
  });

  it('tells what it has heard before it lists anew, for that may take long', async () => {
    const world = await follow();
    world.etcd.put('k/a', '1');
    world.etcd.fault = () => 'hang';
    world.etcd.breakWatches();
    assert.equal(world.last(), 'a=1');
    end(world);
  });

  it('ignores the answer of a list that it was closed during', async () => {
    const world = await follow();
    world.etcd.breakWatches();
    await world.clock.advance(0);
    world.etcd.fault = () => 'hang';
    await world.clock.advance(800);
    end(world);
    await world.clock.advance(60_000);
    assert.deepEqual(world.seen, ['']);
  });

  it('can be closed by whoever it tells', async () => {
    const world = createWorld();
    const sink = { reflect: (): void => reflector.close() };
    const reflector = new Reflector({ key: 'k/', rangeEnd: 'k0' }, sink, world.environment);
    reflector.start();
    await world.clock.advance(100);
    assert.equal(world.etcd.watches.size, 0);
    assert.equal(world.clock.pending, 0);
  });

  it('can be closed by whoever hears that it is no longer fresh', async () => {
    const world = createWorld();
    let closed = false;
    const reflect = ({ fresh }: Reflection): void => {
      if (fresh) return;
      closed = true;
      reflector.close();
    };
    const reflector = new Reflector({ key: 'k/', rangeEnd: 'k0' }, { reflect }, world.environment);
    reflector.start();
    await world.clock.advance(0);
    world.etcd.fault = () => unavailable;
    world.etcd.breakWatches();
    while (!closed) await world.clock.advance(10);
    assert.equal(world.clock.pending, 0);
  });
});
