import assert from 'node:assert/strict';
import type { Endpoint } from './endpoint.js';
import type { Snapshot } from './registry.js';
import { createWatchList, type ServiceView } from './watch-list.js';

const one: Endpoint = { id: 'one', host: 'h', port: 1, weight: 100, state: 'up' };
const two: Endpoint = { id: 'two', host: 'h', port: 2, weight: 100, state: 'up' };
const view = (...endpoints: Endpoint[]): ServiceView => ({ endpoints, reasonOf: () => 'left' });
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a list of watches', () => {
  it('publishes each change as the difference to what that watch was given before', async () => {
    const watches = createWatchList();
    const [early, late]: [Snapshot[], Snapshot[]] = [[], []];
    watches.add('greeter', (snapshot) => early.push(snapshot));
    watches.offer('greeter', view(one, two));
    watches.add('greeter', (snapshot) => late.push(snapshot));
    watches.offer('greeter', view(two));
    await settled();
    const gone = [{ id: 'one', reason: 'left' }];
    assert.deepEqual(early.at(-1), { endpoints: [two], fresh: true, gone });
    assert.deepEqual(late, [{ endpoints: [two], fresh: true, gone: [] }]);
  });

  it('publishes nothing when nothing has changed', async () => {
    const watches = createWatchList();
    const snapshots: Snapshot[] = [];
    watches.add('greeter', (snapshot) => snapshots.push(snapshot));
    watches.offer('greeter', view(one));
    watches.offer('greeter', view({ ...one }));
    watches.offerStale();
    watches.offerStale();
    await settled();
    assert.deepEqual(
      snapshots.map(({ fresh }) => fresh),
      [true, false],
    );
  });

  it('says nothing of a source that is unreachable to a watch that has no list yet', async () => {
    const watches = createWatchList();
    const snapshots: Snapshot[] = [];
    watches.add('greeter', (snapshot) => snapshots.push(snapshot));
    watches.offerStale();
    await settled();
    assert.deepEqual(snapshots, []);
  });

  it('never calls a watcher from within itself', async () => {
    const watches = createWatchList();
    const order: string[] = [];
    watches.add('greeter', ({ endpoints }) => {
      order.push(`begin ${endpoints.length}`);
      if (endpoints.length === 1) watches.offer('greeter', view(one, two));
      order.push(`end ${endpoints.length}`);
    });
    watches.offer('greeter', view(one));
    await settled();
    assert.deepEqual(order, ['begin 1', 'end 1', 'begin 2', 'end 2']);
  });

  it('publishes nothing more to a watch that was closed while a snapshot was under way', async () => {
    const watches = createWatchList();
    const snapshots: Snapshot[] = [];
    const watch = watches.add('greeter', (snapshot) => {
      snapshots.push(snapshot);
      watch.close();
    });
    watches.offer('greeter', view(one));
    watches.offer('greeter', view(one, two));
    await settled();
    assert.equal(snapshots.length, 1);
  });

  it('goes on for all when one watcher throws, with a warning', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const watches = createWatchList();
    const snapshots: Snapshot[] = [];
    watches.add('greeter', (snapshot) => {
      snapshots.push(snapshot);
      throw new Error('a mistake in a watcher');
    });
    watches.add('greeter', (snapshot) => snapshots.push(snapshot));
    watches.offer('greeter', view(one));
    watches.offer('greeter', view(one, two));
    assert.match((await warned).message, /a mistake in a watcher/);
    assert.equal(snapshots.length, 4);
  });

  it('knows which services are watched', () => {
    const watches = createWatchList();
    const first = watches.add('greeter', () => {});
    const second = watches.add('greeter', () => {});
    watches.add('mailer', () => {});
    first.close();
    first.close();
    assert.deepEqual([...watches.services()], ['greeter', 'mailer']);
    second.close();
    assert.deepEqual([...watches.services()], ['mailer']);
    watches.close();
    assert.deepEqual([...watches.services()], []);
  });
});
