import assert from 'node:assert/strict';
import type { GoneReason } from '@org/rpc-registry';
import { type ArenaTest, CONTRACT_NAMESPACE, contractInstance, lists } from './registry-arena.js';
import type { RegistryContractOptions } from './registry-contract-setup.js';

/** Mishaps of entries and of the source itself, for registries whose setup can cause them. */
export function mishapTests(
  test: ArenaTest,
  covers: NonNullable<RegistryContractOptions['covers']>,
  deadReason: GoneReason,
): void {
  if (covers.includes('deadOwner')) deadOwnerTests(test, deadReason);
  if (covers.includes('lostEntries')) lostEntryTests(test);
  if (covers.includes('outage')) outageTests(test);
}

function deadOwnerTests(test: ArenaTest, deadReason: GoneReason): void {
  test(`reports an instance whose owner died as gone, with the reason "${deadReason}"`, async (arena) => {
    const recorder = arena.record('greeter');
    await arena.register(contractInstance('greeter', 'survivor'));
    assert.ok(arena.setup.startOwner, 'covers "deadOwner" needs the hook startOwner');
    const starting = arena.setup.startOwner(contractInstance('greeter', 'victim'), CONTRACT_NAMESPACE);
    const owner = await arena.eventually(starting, 'the owner to start');
    await recorder.until(lists('survivor', 'victim'));
    await arena.eventually(owner.kill(), 'the owner to die');
    const snapshot = await recorder.until(({ gone }) => gone.length > 0);
    assert.deepEqual(snapshot.gone, [{ id: 'victim', reason: deadReason }]);
    assert.ok(lists('survivor')(snapshot));
  });
}

function lostEntryTests(test: ArenaTest): void {
  test('writes an entry anew that was deleted behind its back, and says so', async (arena) => {
    const registration = await arena.register(contractInstance('greeter', 'one'));
    assert.ok(arena.setup.loseEntries, 'covers "lostEntries" needs the hook loseEntries');
    const mended = Promise.all([arena.event('lost'), arena.event('registered')]);
    await arena.setup.loseEntries();
    await mended;
    assert.deepEqual(registration.state(), { status: 'registered' });
    await arena.record('greeter').until(lists('one'));
  });

  test('never tells a watcher that an owner left whose entry was deleted behind its back', async (arena) => {
    const recorder = arena.record('greeter');
    await arena.register(contractInstance('greeter', 'one'));
    await recorder.until(lists('one'));
    assert.ok(arena.setup.loseEntries, 'covers "lostEntries" needs the hook loseEntries');
    const mended = arena.event('registered');
    await arena.setup.loseEntries();
    await mended;
    const registration = await arena.register(contractInstance('greeter', 'two'));
    await recorder.until(lists('one', 'two'));
    const gone = recorder.snapshots.flatMap((snapshot) => snapshot.gone);
    assert.deepEqual(
      gone.filter(({ reason }) => reason !== 'unknown'),
      [],
    );
    await arena.eventually(registration.close(), 'the registration to be closed');
  });
}

function outageTests(test: ArenaTest): void {
  test('keeps the last list, marked as not fresh, while the source is unreachable, and recovers', async (arena) => {
    const handle = arena.open();
    const recorder = arena.record('greeter', handle);
    await arena.register(contractInstance('greeter', 'one'));
    await recorder.until(lists('one'));
    const [unreachable, recovered] = [arena.event('unreachable'), arena.event('recovered')];
    recovered.catch(() => {});
    await arena.setup.beginOutage?.();
    await unreachable;
    const stale = await recorder.until(({ fresh }) => !fresh);
    assert.deepEqual(stale.endpoints.length, 1);
    assert.deepEqual(stale.gone, []);
    await arena.setup.endOutage?.();
    await recovered;
    const index = recorder.snapshots.indexOf(stale);
    await recorder.until((snapshot) => recorder.snapshots.indexOf(snapshot) > index && lists('one')(snapshot));
  });

  test('writes a registration that was made during an outage when it is over', async (arena) => {
    await arena.setup.beginOutage?.();
    const unreachable = arena.event('unreachable');
    const registration = arena.open().register(contractInstance('greeter', 'one'));
    await unreachable;
    assert.equal(registration.state().status, 'pending');
    await arena.setup.endOutage?.();
    await arena.eventually(registration.registered, 'the registration');
    await arena.record('greeter').until(lists('one'));
  });

  test('rejects services() as UNAVAILABLE during an outage', async (arena) => {
    const handle = arena.open();
    await arena.setup.beginOutage?.();
    await assert.rejects(arena.eventually(handle.services(), 'services() to fail'), { code: 'UNAVAILABLE' });
    await arena.setup.endOutage?.();
  });

  test('lets a handle be closed during an outage', async (arena) => {
    const handle = arena.open();
    await arena.register(contractInstance('greeter', 'one'), handle);
    await arena.setup.beginOutage?.();
    await arena.eventually(handle.close(), 'the handle to be closed');
    await arena.setup.endOutage?.();
  });
}
