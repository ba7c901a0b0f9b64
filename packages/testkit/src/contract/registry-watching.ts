import assert from 'node:assert/strict';
import { type ArenaTest, idsOf } from './registry-arena.js';

/** What every source of endpoints does for those who watch it, whether or not it takes registrations. */
export function watchingTests(test: ArenaTest): void {
  test('publishes a first snapshot of a service, even when nothing is listed', async (arena) => {
    const snapshot = await arena.record('greeter').until(() => true);
    assert.equal(snapshot.fresh, true);
    assert.deepEqual(snapshot.gone, []);
  });

  test('never publishes from within watch()', async (arena) => {
    const handle = arena.open();
    for (let round = 0; round < 3; round++) {
      const recorder = arena.record('greeter', handle);
      assert.equal(recorder.snapshots.length, 0);
      await recorder.until(() => true);
    }
  });

  test('publishes frozen snapshots, ordered by id', async (arena) => {
    const snapshot = await arena.record('greeter').until(() => true);
    assert.ok(Object.isFrozen(snapshot) && Object.isFrozen(snapshot.endpoints) && Object.isFrozen(snapshot.gone));
    assert.ok(snapshot.endpoints.every((endpoint) => Object.isFrozen(endpoint)));
    assert.deepEqual(idsOf(snapshot), [...idsOf(snapshot)].sort());
  });

  test('publishes to each of several watches of one service', async (arena) => {
    const handle = arena.open();
    const [first, second] = [arena.record('greeter', handle), arena.record('greeter', handle)];
    assert.deepEqual((await first.until(() => true)).endpoints, (await second.until(() => true)).endpoints);
  });

  test('publishes nothing to a watch that was closed at once', async (arena) => {
    const handle = arena.open();
    const closed = arena.record('greeter', handle);
    closed.close();
    closed.close();
    await arena.record('greeter', handle).until(() => true);
    await arena.record('greeter', handle).until(() => true);
    assert.equal(closed.snapshots.length, 0);
  });

  test('publishes nothing after its handle was closed, and can be closed again', async (arena) => {
    const handle = arena.open();
    const recorder = arena.record('greeter', handle);
    const closing = handle.close();
    await arena.eventually(Promise.all([closing, handle.close()]), 'the handle to be closed');
    const published = recorder.snapshots.length;
    await arena.record('greeter').until(() => true);
    assert.equal(recorder.snapshots.length, published);
  });

  test('leaves the other watches alone when one of them is closed', async (arena) => {
    const handle = arena.open();
    const [closed, kept] = [arena.record('greeter', handle), arena.record('greeter', handle)];
    closed.close();
    await kept.until(() => true);
    assert.equal(closed.snapshots.length, 0);
  });
}
