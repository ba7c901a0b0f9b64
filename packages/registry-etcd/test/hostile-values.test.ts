import assert from 'node:assert/strict';
import type { Snapshot } from '@org/rpc-registry';
import { formatInstanceValue } from '../src/instances/instance-value.js';
import { INVALID_VALUES } from './invalid-values.js';
import { createWorld, endpoint, greeterKey, shown, type World } from './world.js';

interface Watched extends World {
  readonly snapshots: readonly Snapshot[];
  last(): Snapshot;
  end(): Promise<void>;
}

async function watching(service = 'greeter', prepare?: (world: World) => void): Promise<Watched> {
  const world = createWorld();
  prepare?.(world);
  const handle = world.open();
  const snapshots: Snapshot[] = [];
  handle.watch(service, (snapshot) => snapshots.push(snapshot));
  await world.clock.advance(0);
  const end = async (): Promise<void> => {
    await handle.close();
    assert.equal(world.clock.pending, 0);
  };
  return { ...world, snapshots, last: () => snapshots.at(-1)!, end };
}

function put(world: World, id: string, more: object = {}): void {
  world.etcd.put(greeterKey(id), JSON.stringify({ host: 'h', port: 1, ...more }));
}

describe('a value in etcd that is no endpoint is skipped with one warning, and others are as they were:', () => {
  for (const [name, value] of INVALID_VALUES) {
    it(name, async () => {
      const world = await watching();
      put(world, 'good');
      world.etcd.put(greeterKey('bad'), value);
      await world.clock.advance(100);
      // What makes it look at everything anew does not make it warn anew.
      put(world, 'other');
      await world.clock.advance(60_000);
      assert.equal(shown(world.last()), 'good other');
      assert.equal(world.events.length, 1, JSON.stringify(world.events));
      const { kind, service, message } = world.events[0]!;
      assert.deepEqual([kind, service], ['invalidEntry', 'greeter']);
      assert.ok(message.startsWith(`${greeterKey('bad')} is skipped: `), message);
      assert.ok(message.length < 400, `a message of ${message.length} characters`);
      await world.end();
    });
  }
});

describe('values in etcd', () => {
  it('that are rewritten, wrong as before, make one warning until they were right', async () => {
    const world = await watching();
    for (let i = 0; i < 3; i++) {
      put(world, 'bad', { port: 0, written: i });
      await world.clock.advance(100);
    }
    assert.equal(world.events.length, 1);
    put(world, 'bad', { port: 1 });
    await world.clock.advance(100);
    assert.equal(shown(world.last()), 'bad');
    put(world, 'bad', { port: 0 });
    await world.clock.advance(100);
    assert.equal(world.events.length, 2);
    await world.end();
  });

  it('that are wrong by the thousand make a hundred warnings a minute, and one that there are more', async () => {
    const world = await watching('greeter', (world) => {
      for (let i = 0; i < 1_000; i++) put(world, `bad${i}`, { port: 0 });
      put(world, 'good');
    });
    assert.equal(shown(world.last()), 'good');
    assert.equal(world.events.length, 101);
    assert.equal(
      world.events[100]!.message,
      'greeter has more entries that are skipped; they are not named for a minute',
    );
    await world.end();
  });

  it('may have fields of a newer version, and lack the id', async () => {
    const world = await watching();
    put(world, 'a', { shard: 7, features: ['teleport'], protocol: 'rpc/9', nested: { deep: [1, 2] } });
    await world.clock.advance(100);
    assert.deepEqual(
      world.last().endpoints.map(({ id, protocol, features }) => ({ id, protocol, features })),
      [{ id: 'a', protocol: 'rpc/9', features: ['teleport'] }],
    );
    assert.ok(!('shard' in world.last().endpoints[0]!));
    await world.end();
  });

  it('may say the same address twice: both are listed, and who answers there is the one', async () => {
    const world = await watching();
    put(world, 'a');
    put(world, 'b');
    await world.clock.advance(100);
    assert.equal(shown(world.last()), 'a b');
    assert.deepEqual(world.events, []);
    await world.end();
  });

  it('may lie in the future with their start, and name any host that is one', async () => {
    const hosts = ['169.254.169.254', 'localhost', '::ffff:10.0.0.7', '127.0.0.1', 'metadata.internal'];
    const world = await watching();
    hosts.forEach((host, index) => {
      put(world, `i${index}`, { host, startedAtMs: 4_102_444_800_000 });
    });
    await world.clock.advance(100);
    assert.deepEqual(
      world.last().endpoints.map(({ host }) => host),
      hosts,
    );
    await world.end();
  });

  for (const text of [
    '{"host":"h","port":1,"__proto__":{"polluted":1}}',
    '{"host":"h","port":1,"constructor":{"prototype":{"polluted":1}}}',
    '{"host":"h","port":1,"tags":{"constructor":"x","toString":"y"}}',
    '{"__proto__":{"host":"evil","port":9},"host":"h","port":1}',
  ]) {
    it(`do not reach the prototype of objects: ${text}`, async () => {
      const world = await watching();
      world.etcd.put(greeterKey('a'), text);
      await world.clock.advance(100);
      assert.equal(world.last().endpoints[0]?.host, 'h');
      assert.equal(({} as { polluted?: unknown }).polluted, undefined);
      assert.equal(Object.getPrototypeOf(world.last().endpoints[0]), Object.prototype);
      await world.end();
    });
  }

  it('are taken from nowhere but the value itself: not from its prototype', async () => {
    const world = await watching();
    world.etcd.put(greeterKey('a'), '{"__proto__":{"host":"evil","port":9}}');
    await world.clock.advance(100);
    assert.equal(shown(world.last()), '');
    assert.equal(world.events.length, 1);
    await world.end();
  });

  it('whose weight changes each millisecond are published no more often than they are coalesced', async () => {
    const world = await watching();
    put(world, 'a');
    await world.clock.advance(100);
    const before = world.snapshots.length;
    for (let weight = 1; weight <= 1_000; weight++) {
      put(world, 'a', { weight });
      await world.clock.advanceFast(1);
    }
    await world.clock.advance(100);
    assert.equal(world.last().endpoints[0]?.weight, 1_000);
    assert.ok(world.snapshots.length - before <= 101, `${world.snapshots.length - before} snapshots`);
    await world.end();
  });
});

describe('keys in etcd', () => {
  it('without a lease, left by hand, are honoured', async () => {
    const world = await watching('greeter', ({ etcd }) =>
      etcd.put(greeterKey('a'), formatInstanceValue(endpoint('a'))),
    );
    await world.clock.advance(3_600_000);
    assert.equal(shown(world.last()), 'a');
    await world.end();
  });

  it('whose lease has run out are honoured as long as etcd has them', async () => {
    const world = await watching();
    const lease = world.etcd.grant(5);
    world.etcd.put(greeterKey('a'), formatInstanceValue(endpoint('a')), lease);
    await world.clock.advance(4_000);
    assert.equal(shown(world.last()), 'a');
    // The fake looks at leases with the next call only, which is the next read.
    await world.clock.advance(60_000);
    assert.equal(shown(world.last()), '');
    assert.ok(world.snapshots.some(({ gone }) => gone[0]?.reason === 'unknown'));
    await world.end();
  });

  it('whose revision goes back are read anew, for it is another store', async () => {
    const world = await watching();
    for (const id of ['a', 'b', 'c']) put(world, id);
    await world.clock.advance(60_000);
    world.etcd.wipe();
    put(world, 'd');
    await world.clock.advance(60_000);
    assert.equal(shown(world.last()), 'd');
    await world.end();
  });

  it('are read up to 50,000 when there are 100,000, with one warning, and the rest of etcd is left alone', async () => {
    const world = await watching('greeter', (world) => {
      const value = JSON.stringify({ host: 'h', port: 1 });
      for (let i = 0; i < 100_000; i++) world.etcd.put(greeterKey(`i${i}`), value);
      for (let i = 0; i < 10_000; i++) world.etcd.put(`/rpc/test/services/other/i${i}`, value);
    });
    assert.equal(world.last().endpoints.length, 50_000);
    assert.deepEqual(
      world.events.map(({ message }) => message),
      ['greeter has more than 50000 entries; the rest are ignored'],
    );
    assert.ok(world.etcd.calls.length <= 101, `${world.etcd.calls.length} reads`);
    await world.end();
  });

  const names = [
    'user',
    'user-admin',
    'user/',
    'user/a',
    '../user',
    '.',
    '..',
    ' ',
    'a%2Fb',
    'a/b',
    '\u{1f600}',
    'USER',
    'user\0',
  ];
  for (const name of [...names, 'x'.repeat(10_240)]) {
    it(`of the service ${JSON.stringify(name).slice(0, 20)} are those of no other`, async () => {
      const world = await watching(name, ({ etcd, environment: { keys } }) => {
        const value = JSON.stringify({ host: 'h', port: 1 });
        for (const other of names) etcd.put(keys.instanceKey(other, `of ${other}`), value);
        etcd.put(keys.instanceKey(name, `of ${name}`.slice(0, 20)), value);
        // Written by hand, without the escapes.
        for (const other of ['a/b', '../user', 'user-admin/x']) etcd.put(`/rpc/test/services/${other}/stray`, value);
      });
      const ids = world.last().endpoints.map(({ id }) => id);
      assert.deepEqual(
        ids.filter((id) => id !== 'stray'),
        [`of ${name}`.slice(0, 20)].filter((id) => !id.includes('\0')),
      );
      assert.ok(!ids.includes('stray') || name === 'user-admin');
      await world.end();
    });
  }
});
