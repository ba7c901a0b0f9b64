import assert from 'node:assert/strict';
import { plainText } from '@org/rpc-core/internal';
import type { Snapshot } from '@org/rpc-registry';
import { createWorld, endpoint, greeterKey, shown, type World } from '../../test/world.js';
import { EtcdError } from '../client/etcd-port.js';
import { formatInstanceValue } from './instance-value.js';
import { ServiceWatcher } from './watcher.js';

describe('ServiceWatcher', () => {
  interface Watched extends World {
    readonly watcher: ServiceWatcher;
    readonly snapshots: Snapshot[];
    put(id: string, changes?: object): void;
    last(): Snapshot;
  }

  async function start(...ids: string[]): Promise<Watched> {
    const world = createWorld();
    const put = (id: string, changes: object = {}): void => {
      world.etcd.put(greeterKey(id), formatInstanceValue(endpoint(id, changes)));
    };
    for (const id of ids) put(id);
    const watcher = new ServiceWatcher('greeter', world.environment).start();
    const snapshots: Snapshot[] = [];
    watcher.subscribe((snapshot) => snapshots.push(snapshot));
    await world.clock.advance(0);
    return { ...world, watcher, snapshots, put, last: () => snapshots.at(-1)! };
  }

  function end({ watcher, environment, clock }: Watched): void {
    watcher.close();
    environment.holder.close();
    assert.equal(clock.pending, 0);
  }

  it('publishes an empty list, too', async () => {
    const world = await start();
    assert.deepEqual(world.snapshots, [{ endpoints: [], fresh: true, gone: [] }]);
    end(world);
  });

  it('publishes endpoints in the order of their ids', async () => {
    const world = await start('b', 'a', 'c');
    assert.equal(shown(world.last()), 'a b c');
    end(world);
  });

  it('says "left" of what was draining, and "unknown" of what was not', async () => {
    const world = await start('a', 'b', 'c');
    world.put('a', { state: 'draining' });
    await world.clock.advance(10);
    assert.equal(shown(world.last()), 'a! b c');
    world.etcd.delete(greeterKey('a'));
    world.etcd.delete(greeterKey('b'));
    await world.clock.advance(10);
    assert.deepEqual(world.last().gone, [
      { id: 'a', reason: 'left' },
      { id: 'b', reason: 'unknown' },
    ]);
    end(world);
  });

  it('says "left" when goodbye and deletion come within one moment', async () => {
    const world = await start('a');
    world.put('a', { state: 'draining' });
    world.etcd.delete(greeterKey('a'));
    await world.clock.advance(10);
    assert.deepEqual(world.last().gone, [{ id: 'a', reason: 'left' }]);
    end(world);
  });

  it('says "unknown" of what a list no longer has, but for what was draining', async () => {
    const world = await start('a', 'b');
    world.put('b', { state: 'draining' });
    await world.clock.advance(10);
    world.etcd.mute = true;
    world.etcd.delete(greeterKey('a'));
    world.etcd.delete(greeterKey('b'));
    await world.clock.advance(10_000);
    assert.deepEqual(world.last().gone, [
      { id: 'a', reason: 'unknown' },
      { id: 'b', reason: 'left' },
    ]);
    end(world);
  });

  it('publishes nothing when a list says what is known', async () => {
    const world = await start('a');
    await world.clock.advance(120_000);
    assert.equal(world.snapshots.length, 1);
    end(world);
  });

  it('publishes nothing when an entry is written again as it was', async () => {
    const world = await start('a');
    world.put('a');
    await world.clock.advance(1_000);
    assert.equal(world.snapshots.length, 1);
    end(world);
  });

  it('keeps its list through an outage, marked as not fresh, and reports the outage once', async () => {
    const world = await start('a');
    const error = new EtcdError('unavailable', 'connection refused');
    world.etcd.fault = () => error;
    world.etcd.breakWatches();
    await world.clock.advance(600_000);
    assert.deepEqual(world.snapshots.map(shown), ['a', '~a']);
    assert.deepEqual(world.last().gone, []);
    world.etcd.fault = () => undefined;
    await world.clock.advance(30_000);
    assert.deepEqual(world.snapshots.map(shown), ['a', '~a', 'a']);
    assert.deepEqual(
      world.events.map(({ kind, service, error: cause }) => [kind, service, cause]),
      [
        ['unreachable', 'greeter', error],
        ['recovered', 'greeter', undefined],
      ],
    );
    assert.match(world.events[0]!.message, /^watching greeter: connection refused$/);
    end(world);
  });

  it('says that its watch has lost changes, and of which keys', async () => {
    const world = await start('a');
    world.etcd.mute = true;
    for (const id of ['a', 'b', 'c', 'd']) world.put(id, { weight: 7 });
    await world.clock.advance(5_500);
    assert.equal(shown(world.last()), 'a b c d');
    const keys = ['a', 'b', 'c'].map(greeterKey).join(', ');
    const message = `watching greeter: its watch has lost changes (4 keys differ: ${keys}, ...); it is listed anew`;
    assert.deepEqual(world.events, [{ kind: 'lost', message, service: 'greeter' }]);
    world.etcd.delete(greeterKey('a'));
    await world.clock.advance(5_500);
    assert.match(world.events[1]?.message ?? '', /\(the number of keys differs\)/);
    end(world);
  });

  it('skips a bad value, with one event until something else is wrong with it', async () => {
    const world = await start('a');
    world.etcd.put(greeterKey('bad'), '{');
    await world.clock.advance(300_000);
    assert.equal(shown(world.last()), 'a');
    assert.deepEqual(world.kinds(), ['invalidEntry']);
    assert.match(world.events[0]!.message, /greeter\/bad is skipped: /);
    world.etcd.put(greeterKey('bad'), '{');
    await world.clock.advance(300_000);
    assert.deepEqual(world.kinds(), ['invalidEntry']);
    world.etcd.put(greeterKey('bad'), '[]');
    await world.clock.advance(300_000);
    assert.deepEqual(world.kinds(), ['invalidEntry', 'invalidEntry']);
    world.put('bad');
    await world.clock.advance(10);
    assert.equal(shown(world.last()), 'a bad');
    end(world);
  });

  it('shows no control characters of keys and values in what it says of them', async () => {
    const world = await start('a');
    world.etcd.put(`${greeterKey('b')}\u001b[2J\n2026 forged`, '{"host":"\u202e","port":1}');
    world.etcd.put(greeterKey('c'), '{"host":"h\\u009b\\u2066","port":1}');
    await world.clock.advance(10);
    assert.equal(world.events.length, 2);
    for (const { message } of world.events) assert.equal(plainText(message), message);
    end(world);
  });

  it('skips a value that says another id than its key, and a key that names no instance', async () => {
    const world = await start('a');
    world.etcd.put(greeterKey('b'), formatInstanceValue(endpoint('a')));
    world.etcd.put(`${greeterKey('b')}/c`, formatInstanceValue(endpoint('c')));
    await world.clock.advance(10);
    assert.equal(shown(world.last()), 'a');
    assert.deepEqual(world.kinds(), ['invalidEntry', 'invalidEntry']);
    end(world);
  });

  it('says "unknown" of an endpoint whose value turned bad', async () => {
    const world = await start('a');
    world.etcd.put(greeterKey('a'), 'garbage');
    await world.clock.advance(10);
    assert.deepEqual(world.last(), { endpoints: [], fresh: true, gone: [{ id: 'a', reason: 'unknown' }] });
    end(world);
  });

  it('gives a late listener the list that is known, not at once, and with nothing gone', async () => {
    const world = await start('a', 'b');
    world.etcd.delete(greeterKey('a'));
    await world.clock.advance(10);
    const late: Snapshot[] = [];
    world.watcher.subscribe((snapshot) => late.push(snapshot));
    assert.equal(late.length, 0);
    await world.clock.advance(0);
    assert.deepEqual(late, [{ endpoints: world.last().endpoints, fresh: true, gone: [] }]);
    end(world);
  });

  it('lets no listener harm another', async () => {
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const world = createWorld();
    const watcher = new ServiceWatcher('greeter', world.environment).start();
    const heard: string[] = [];
    watcher.subscribe(() => {
      throw new Error('mine');
    });
    watcher.subscribe((snapshot) => heard.push(shown(snapshot)));
    await world.clock.advance(0);
    assert.deepEqual(heard, ['']);
    assert.match(String(await warned), /mine/);
    watcher.close();
    world.environment.holder.close();
    assert.equal(world.clock.pending, 0);
  });

  it('tells a listener nothing that another one has closed in the meantime', async () => {
    const world = await start('a');
    const heard: string[] = [];
    const closing = world.watcher.subscribe((snapshot) => {
      if (snapshot.endpoints.length > 1) victim.close();
    });
    const victim = world.watcher.subscribe((snapshot) => heard.push(shown(snapshot)));
    await world.clock.advance(0);
    world.put('b');
    await world.clock.advance(10);
    assert.deepEqual(heard, ['a']);
    closing.close();
    end(world);
  });
});
