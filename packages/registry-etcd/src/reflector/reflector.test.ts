import assert from 'node:assert/strict';
import { end, follow } from '../../test/follow.js';
import { createWorld } from '../../test/world.js';
import { EtcdError, type WatchEvent } from '../client/etcd-port.js';
import { RANGE_ENTRIES_MAX } from './list-range.js';
import { type Reflection, Reflector } from './reflector.js';

describe('Reflector', () => {
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

  it('finds within 5.5 s that its watch has lost a new key', async () => {
    const world = await follow();
    world.etcd.mute = true;
    world.etcd.put('k/a', '1');
    await world.clock.advance(5_499);
    assert.equal(world.last(), '');
    await world.clock.advance(1);
    assert.equal(world.last(), 'a=1');
    assert.deepEqual(world.lost, [['k/a']]);
    end(world);
  });

  it('finds within 5.5 s that its watch has lost a change of a value', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/a', '1'));
    world.etcd.mute = true;
    world.etcd.put('k/a', '2');
    await world.clock.advance(5_500);
    assert.equal(world.last(), 'a=2');
    assert.deepEqual(world.lost, [['k/a']]);
    end(world);
  });

  it('finds within 5.5 s that its watch has lost a deletion, and that one key came for another', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/a', '1'));
    world.etcd.mute = true;
    world.etcd.delete('k/a');
    await world.clock.advance(5_500);
    assert.equal(world.last(), '-a');
    assert.deepEqual(world.lost, [[]]);
    world.etcd.mute = false;
    world.etcd.put('k/b', '1');
    world.etcd.mute = true;
    world.etcd.delete('k/b');
    world.etcd.put('k/c', '1');
    await world.clock.advance(5_500);
    assert.equal(world.last(), 'c=1 -b');
    assert.deepEqual(world.lost, [[], ['k/c']]);
    end(world);
  });

  it('takes nothing for lost that its watch tells a moment after a read has shown it', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/0', '1'));
    const { etcd, clock } = world;
    for (let i = 1; i <= 20; i++) {
      etcd.mute = true;
      etcd.put(`k/${i}`, '1');
      const put: WatchEvent = { type: 'put', entry: etcd.get(`k/${i}`)! };
      // Every second time, the number of keys stays the same.
      if (i % 2 === 0) etcd.delete(`k/${i - 1}`);
      const gone: WatchEvent = { type: 'delete', key: `k/${i - 1}`, modRevision: etcd.revision };
      etcd.mute = false;
      const reads = etcd.calls.length;
      while (etcd.calls.length === reads) await clock.advance(50);
      etcd.inject(i % 2 === 0 ? [put, gone] : [put]);
      // Something else comes at once, so that the numbers differ again.
      etcd.put(`k/more-${i}`, '1');
      await clock.advance(1_000);
    }
    assert.deepEqual(world.lost, []);
    end(world);
  });

  it('lists anew at once when it is asked to, at most once a second', async () => {
    const world = await follow();
    const { etcd, clock, reflector } = world;
    await clock.advance(1_000);
    etcd.mute = true;
    etcd.put('k/a', '1');
    reflector.refresh();
    reflector.refresh();
    await clock.advance(0);
    assert.equal(world.last(), 'a=1');
    etcd.put('k/a', '2');
    await clock.advance(999);
    reflector.refresh();
    await clock.advance(0);
    assert.equal(world.last(), 'a=1');
    assert.equal(etcd.calls.length, 2);
    await clock.advance(1);
    reflector.refresh();
    await clock.advance(0);
    assert.equal(world.last(), 'a=2');
    end(world);
  });

  it('does not list more often in an outage because it is asked to', async () => {
    const world = await follow();
    world.etcd.fault = () => new EtcdError('unavailable', 'refused');
    world.etcd.breakWatches();
    await world.clock.advance(60_000);
    const before = world.etcd.calls.length;
    for (let i = 0; i < 100; i++) {
      world.reflector.refresh();
      await world.clock.advance(0);
    }
    assert.equal(world.etcd.calls.length, before);
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

  it('ignores a late event of a key that was gone when it was listed', async () => {
    const world = await follow(({ etcd }) => etcd.put('k/a', '1'));
    const { etcd, clock } = world;
    etcd.put('k/b', '1');
    const entry = etcd.get('k/b')!;
    etcd.delete('k/b');
    etcd.breakWatches();
    await clock.advance(800);
    etcd.inject([{ type: 'put', entry }]);
    await clock.advance(10);
    assert.match(world.last() ?? '', /^a=1/);
    assert.doesNotMatch(world.last() ?? '', /b=/);
    end(world);
  });

  it('takes a key in a new cluster that was deleted at a higher revision in the old one', async () => {
    const world = await follow(({ etcd }) => {
      for (let i = 0; i < 50; i++) etcd.put('k/a', `${i}`);
    });
    const { etcd, clock } = world;
    etcd.delete('k/a');
    etcd.wipe();
    await clock.advance(800);
    etcd.put('k/a', 'new');
    await clock.advance(10);
    assert.equal(world.last(), 'a=new');
    end(world);
  });

  it('holds no more than its bound, says so, and does not take the rest for lost events', async () => {
    const world = createWorld();
    const all = Array.from({ length: RANGE_ENTRIES_MAX + 1 }, (_, i) => {
      return { key: `k/${100_000 + i}`, value: Buffer.from(''), modRevision: 1, leaseId: '0' };
    });
    world.etcd.inRange = ({ key }) => all.slice(Math.max(0, Number(key.slice(2, 8)) - 99_999));
    const sizes: number[] = [];
    let truncations = 0;
    const sink = {
      reflect: ({ entries }: Reflection): void => void sizes.push(entries.size),
      truncated: (): void => void truncations++,
    };
    const reflector = new Reflector({ key: 'k/', rangeEnd: 'k0' }, sink, world.environment);
    reflector.start();
    await world.clock.advance(0);
    world.etcd.put('k/new', '1');
    await world.clock.advance(12_000);
    assert.deepEqual(sizes, [RANGE_ENTRIES_MAX]);
    assert.equal(truncations, 1);
    reflector.close();
    world.environment.holder.close();
  });
});
