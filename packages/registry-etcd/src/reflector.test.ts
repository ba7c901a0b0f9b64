import assert from 'node:assert/strict';
import { createWorld, type World } from '../test/world.js';
import { EtcdError, type WatchEvent } from './etcd-port.js';
import { type Reflection, Reflector } from './reflector.js';

describe('Reflector', () => {
  const unavailable = new EtcdError('unavailable', 'refused');

  interface Followed extends World {
    readonly reflector: Reflector;
    /** `a=1 b=2`, with `~` before it when not fresh and `-c` for what was removed. */
    readonly seen: string[];
    last(): string | undefined;
  }

  async function follow(prepare?: (world: World) => void): Promise<Followed> {
    const world = createWorld();
    prepare?.(world);
    const seen: string[] = [];
    const reflect = ({ entries, removed, fresh }: Reflection): void => {
      const parts = [...entries.values()].map(({ key, value }) => `${key.slice(2)}=${Buffer.from(value)}`);
      for (const key of removed.keys()) parts.push(`-${key.slice(2)}`);
      seen.push(`${fresh ? '' : '~'}${parts.join(' ')}`);
    };
    const reflector = new Reflector({ key: 'k/', rangeEnd: 'k0' }, { reflect }, world.environment);
    reflector.start();
    await world.clock.advance(0);
    return { ...world, reflector, seen, last: () => seen.at(-1) };
  }

  /** The world ends with nothing left of it. */
  function end({ reflector, environment, clock, etcd }: Followed): void {
    reflector.close();
    assert.equal(etcd.watches.size, 0);
    environment.holder.close();
    assert.equal(clock.pending, 0);
  }

  it('reflects an empty range at once', async () => {
    const world = await follow();
    assert.deepEqual(world.seen, ['']);
    end(world);
  });

  it('reflects what is there, then what comes, changes and goes', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/a', '1'));
    assert.equal(world.last(), 'a=1');
    world.etcd.put('k/b', '2');
    await world.clock.advance(10);
    assert.equal(world.last(), 'a=1 b=2');
    world.etcd.put('k/a', '3');
    await world.clock.advance(10);
    assert.equal(world.last(), 'a=3 b=2');
    world.etcd.delete('k/a');
    await world.clock.advance(10);
    assert.equal(world.last(), 'b=2 -a');
    end(world);
  });

  it('hears nothing of its neighbours', async () => {
    const world = await follow();
    world.etcd.put('k', '1');
    world.etcd.put('k0', '1');
    await world.clock.advance(1_000);
    assert.deepEqual(world.seen, ['']);
    end(world);
  });

  it('tells of all events of 10 ms at once', async () => {
    const world = await follow();
    for (let i = 0; i < 1_000; i++) world.etcd.put('k/a', `${i}`);
    await world.clock.advance(9);
    assert.equal(world.seen.length, 1);
    await world.clock.advance(1);
    assert.deepEqual(world.seen, ['', 'a=999']);
    end(world);
  });

  it('does not call a key removed that came back within a moment', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/a', '1'));
    world.etcd.delete('k/a');
    world.etcd.put('k/a', '2');
    await world.clock.advance(10);
    assert.equal(world.last(), 'a=2');
    end(world);
  });

  it('ignores events that are doubled, or older than what it knows', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/a', '1'));
    const { etcd, clock } = world;
    etcd.put('k/a', '2');
    etcd.put('k/b', '1');
    const entry = etcd.get('k/b')!;
    etcd.delete('k/b');
    await clock.advance(10);
    const late: WatchEvent[] = [
      { type: 'put', entry },
      { type: 'put', entry: { ...entry, key: 'k/a', modRevision: 2 } },
      { type: 'delete', key: 'k/a', modRevision: 2 },
      { type: 'put', entry: etcd.get('k/a')! },
    ];
    const before = world.seen.length;
    etcd.inject(late);
    await clock.advance(10);
    assert.equal(world.seen.length, before);
    assert.equal(world.last(), 'a=2 -b');
    end(world);
  });

  it('takes events that come out of order by key', async () => {
    const world = await follow();
    const { etcd, clock } = world;
    etcd.mute = true;
    etcd.put('k/a', '1');
    etcd.put('k/b', '2');
    etcd.mute = false;
    const puts = ['k/b', 'k/a'].map((key): WatchEvent => ({ type: 'put', entry: etcd.get(key)! }));
    for (const put of puts) etcd.inject([put]);
    await clock.advance(10);
    assert.equal(world.last(), 'b=2 a=1');
    end(world);
  });

  it('lists anew after its watch has ended, within 800 ms', async () => {
    const world = await follow();
    world.etcd.breakWatches();
    world.etcd.put('k/a', '1');
    await world.clock.advance(800);
    assert.equal(world.last(), 'a=1');
    world.etcd.put('k/b', '2');
    await world.clock.advance(10);
    assert.equal(world.last(), 'a=1 b=2');
    end(world);
  });

  it('lists anew after a compaction that it has missed', async () => {
    const world = await follow();
    const { etcd, clock } = world;
    etcd.mute = true;
    etcd.put('k/a', '1');
    etcd.compact(etcd.revision);
    etcd.mute = false;
    etcd.breakWatches(new EtcdError('compacted', 'compacted at revision 2'));
    await clock.advance(800);
    assert.equal(world.last(), 'a=1');
    end(world);
  });

  it('lists anew when a compaction overtakes the watch that follows a list', async () => {
    const world = await follow();
    const { etcd, clock } = world;
    etcd.breakWatches();
    // The list is answered, and before the watch gets there its revision is gone.
    const { watch } = etcd;
    let compactions = 0;
    etcd.watch = (open, startRevision) => {
      if (compactions++ === 0) {
        etcd.put('k/a', '1');
        etcd.compact(etcd.revision);
      }
      return watch.call(etcd, open, startRevision);
    };
    await clock.advance(2_400);
    assert.equal(compactions, 2);
    assert.equal(world.last(), 'a=1');
    end(world);
  });

  it('lists anew when the store has gone back, and believes the new one', async () => {
    const world = await follow(({ etcd }) => {
      for (let i = 0; i < 50; i++) etcd.put('k/a', `${i}`);
    });
    world.etcd.wipe();
    world.etcd.put('k/b', 'new');
    await world.clock.advance(800);
    assert.equal(world.last(), 'b=new -a');
    world.etcd.put('k/c', 'new');
    await world.clock.advance(10);
    assert.equal(world.last(), 'b=new c=new');
    end(world);
  });

  it('notices by a read that the store has gone back, though its watch is still there', async () => {
    const world = await follow(({ etcd }) => {
      for (let i = 0; i < 50; i++) etcd.put('k/a', `${i}`);
    });
    world.etcd.mute = true;
    const { breakWatches } = world.etcd;
    world.etcd.breakWatches = () => undefined;
    world.etcd.wipe();
    world.etcd.breakWatches = breakWatches;
    world.etcd.put('k/b', 'new');
    await world.clock.advance(5_000);
    assert.equal(world.last(), 'b=new -a');
    end(world);
  });

  it('lists anew when an event carries an older revision of the store than the list', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/a', '1'));
    const { etcd, clock } = world;
    etcd.mute = true;
    etcd.put('k/b', '2');
    etcd.mute = false;
    etcd.inject([{ type: 'delete', key: 'k/z', modRevision: 1 }], 1);
    await clock.advance(800);
    assert.equal(world.last(), 'a=1 b=2');
    end(world);
  });

  it('finds a watch that has lost an event by the number of keys, within two reads', async () => {
    const world = await follow();
    world.etcd.mute = true;
    world.etcd.put('k/a', '1');
    await world.clock.advance(9_999);
    assert.equal(world.last(), '');
    await world.clock.advance(1);
    assert.equal(world.last(), 'a=1');
    end(world);
  });

  it('heals a lost change of a value within 45 s', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/a', '1'));
    world.etcd.mute = true;
    world.etcd.put('k/a', '2');
    await world.clock.advance(45_000);
    assert.equal(world.last(), 'a=2');
    end(world);
  });

  it('lists anew every 15 to 45 s, spread by chance', async () => {
    const world = await follow();
    const gaps: number[] = [];
    let before = world.clock.now();
    for (let i = 0; i < 20; i++) {
      const count = world.seen.length;
      while (world.seen.length === count) await world.clock.advance(250);
      gaps.push(world.clock.now() - before);
      before = world.clock.now();
    }
    assert.ok(Math.min(...gaps) >= 14_750 && Math.max(...gaps) <= 45_250, gaps.join());
    assert.ok(Math.max(...gaps) - Math.min(...gaps) > 10_000, gaps.join());
    end(world);
  });

  it('is no longer fresh after two failed reads, not after one, and keeps what it knew', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/a', '1'));
    let failures = 1;
    world.etcd.fault = () => (failures-- > 0 ? unavailable : undefined);
    await world.clock.advance(8_000);
    assert.ok(world.seen.every((reflection) => reflection === 'a=1'));
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

  it('is no longer fresh 16 s after etcd began to hang, at the latest', async () => {
    const world = await follow();
    world.etcd.fault = () => 'hang';
    await world.clock.advance(16_000);
    assert.equal(world.last(), '~');
    end(world);
  });

  it('waits longer and longer while etcd is away, up to 30 s', async () => {
    const world = await follow();
    const { clock, etcd } = world;
    const times: number[] = [];
    etcd.fault = () => {
      times.push(clock.now());
      return unavailable;
    };
    etcd.breakWatches();
    await clock.advance(3_600_000);
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    assert.ok(gaps[0]! <= 1_600 && Math.max(...gaps) <= 30_000 && Math.max(...gaps) > 25_000, gaps.join());
    assert.ok(times.length > 150 && times.length < 400, `${times.length} tries in an hour`);
    end(world);
  });

  it('recovers after an outage of an hour within 30 s', async () => {
    const world = await follow();
    world.etcd.fault = () => unavailable;
    world.etcd.breakWatches();
    await world.clock.advance(3_600_000);
    assert.equal(world.last(), '~');
    world.etcd.fault = () => undefined;
    world.etcd.put('k/a', '1');
    await world.clock.advance(30_000);
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
});
