import assert from 'node:assert/strict';
import type { GoneReason } from '@org/rpc-registry';
import { type ArenaTest, contractEndpoint, contractInstance, idsOf, lists } from './registry-arena.js';

/** How an instance comes, changes and goes, and that none is taken for another. */
export function registeringTests(test: ArenaTest, closedReason: GoneReason): void {
  comingTests(test);
  changingTests(test);
  goingTests(test, closedReason);
  separationTests(test);
}

function comingTests(test: ArenaTest): void {
  test('shows a watcher an instance that registers later, with all of its data', async (arena) => {
    const recorder = arena.record('greeter');
    assert.deepEqual((await recorder.until(lists())).endpoints, []);
    await arena.register(contractInstance('greeter', 'one'));
    const { endpoints } = await recorder.until(lists('one'));
    assert.deepEqual(plain(endpoints), [plain(contractEndpoint('one'))]);
  });

  test('shows a late watcher in its first snapshot what is already there', async (arena) => {
    await arena.register(contractInstance('greeter', 'one'));
    const snapshot = await arena.record('greeter').until(() => true);
    assert.deepEqual(plain(snapshot.endpoints), [plain(contractEndpoint('one'))]);
    assert.deepEqual(snapshot.gone, []);
  });

  test('shows a handle what it registered itself', async (arena) => {
    const handle = arena.open();
    const recorder = arena.record('greeter', handle);
    await arena.register(contractInstance('greeter', 'one'), handle);
    await recorder.until(lists('one'));
  });

  test('tells the state of a registration', async (arena) => {
    const registration = await arena.register(contractInstance('greeter', 'one'));
    assert.deepEqual(registration.state(), { status: 'registered' });
    await arena.eventually(registration.close(), 'the registration to be closed');
    assert.deepEqual(registration.state(), { status: 'closed' });
  });

  test('lists two instances, in the order of their ids', async (arena) => {
    const recorder = arena.record('greeter');
    await arena.register(contractInstance('greeter', 'two', { port: 4400 }));
    await arena.register(contractInstance('greeter', 'one'));
    const { endpoints } = await recorder.until(lists('one', 'two'));
    assert.deepEqual(
      endpoints.map(({ id, port }) => [id, port]),
      [
        ['one', 4399],
        ['two', 4400],
      ],
    );
  });

  test('lists two instances of one handle', async (arena) => {
    const handle = arena.open();
    await arena.register(contractInstance('greeter', 'one'), handle);
    await arena.register(contractInstance('greeter', 'two'), handle);
    await arena.record('greeter').until(lists('one', 'two'));
  });

  test('carries an IPv6 address, a unix socket and an instance without optional data', async (arena) => {
    const endpoints = [
      contractEndpoint('ipv6', { host: '2001:db8::1' }),
      { id: 'bare', host: 'node-1.internal', port: 1, weight: 0, state: 'up' } as const,
      { id: 'unix', host: '', port: 0, path: '/run/shop/rpc socket', weight: 10_000, state: 'up' } as const,
    ];
    for (const endpoint of endpoints) await arena.register({ services: ['greeter'], endpoint });
    const snapshot = await arena.record('greeter').until(lists('bare', 'ipv6', 'unix'));
    const byId = new Map(snapshot.endpoints.map((endpoint) => [endpoint.id, plain(endpoint)]));
    for (const endpoint of endpoints) assert.deepEqual(byId.get(endpoint.id), plain(endpoint));
  });
}

function changingTests(test: ArenaTest): void {
  test('shows a changed weight, and then the draining state', async (arena) => {
    const recorder = arena.record('greeter');
    const registration = await arena.register(contractInstance('greeter', 'one'));
    await recorder.until(lists('one'));
    const update = (changes: object): Promise<void> =>
      arena.eventually(registration.update(contractInstance('greeter', 'one', changes)), 'the update to be written');
    await update({ weight: 7 });
    await recorder.until(({ endpoints }) => endpoints[0]?.weight === 7);
    await update({ weight: 7, state: 'draining' });
    const draining = await recorder.until(({ endpoints }) => endpoints[0]?.state === 'draining');
    assert.deepEqual(plain(draining.endpoints), [plain(contractEndpoint('one', { weight: 7, state: 'draining' }))]);
    assert.deepEqual(draining.gone, []);
  });

  test('follows an instance from one of its services to another', async (arena) => {
    const [greeter, mailer] = [arena.record('greeter'), arena.record('mailer')];
    const registration = await arena.register(contractInstance('greeter', 'one'));
    await greeter.until(lists('one'));
    await arena.eventually(registration.update(contractInstance('mailer', 'one')), 'the update to be written');
    await mailer.until(lists('one'));
    await greeter.until((snapshot) => lists()(snapshot) && snapshot.gone.length > 0);
  });

  test('leaves a published snapshot as it was when the list changes', async (arena) => {
    const recorder = arena.record('greeter');
    const registration = await arena.register(contractInstance('greeter', 'one'));
    const before = await recorder.until(lists('one'));
    const copy = structuredClone(before);
    await arena.eventually(registration.update(contractInstance('greeter', 'one', { weight: 7 })), 'the update');
    await recorder.until(({ endpoints }) => endpoints[0]?.weight === 7);
    assert.deepEqual(before, copy);
  });

  test('stops following for a watch that was closed', async (arena) => {
    const handle = arena.open();
    const [closed, kept] = [arena.record('greeter', handle), arena.record('greeter', handle)];
    await Promise.all([closed.until(lists()), kept.until(lists())]);
    closed.close();
    const published = closed.snapshots.length;
    await arena.register(contractInstance('greeter', 'one'));
    await kept.until(lists('one'));
    assert.equal(closed.snapshots.length, published);
  });
}

function goingTests(test: ArenaTest, closedReason: GoneReason): void {
  test(`reports an instance whose registration was closed as gone, with the reason "${closedReason}"`, async (arena) => {
    const recorder = arena.record('greeter');
    const registration = await arena.register(contractInstance('greeter', 'one'));
    await recorder.until(lists('one'));
    await arena.eventually(registration.close(), 'the registration to be closed');
    const snapshot = await recorder.until(({ gone }) => gone.length > 0);
    assert.deepEqual(snapshot.gone, [{ id: 'one', reason: closedReason }]);
    assert.deepEqual(snapshot.endpoints, []);
  });

  test('closes a registration once, however often it is asked to', async (arena) => {
    const registration = await arena.register(contractInstance('greeter', 'one'));
    const closings = [registration.close(), registration.close()];
    await arena.eventually(Promise.all(closings), 'the registration to be closed');
    await arena.eventually(registration.close(), 'the registration to be closed again');
    await arena.eventually(registration.update(contractInstance('greeter', 'one')), 'an update after the close');
    assert.deepEqual(registration.state(), { status: 'closed' });
    await arena.record('greeter').until(lists());
  });

  test('removes the registrations of a handle that is closed', async (arena) => {
    const recorder = arena.record('greeter');
    const owner = arena.open();
    await arena.register(contractInstance('greeter', 'one'), owner);
    await arena.register(contractInstance('greeter', 'two'), owner);
    await recorder.until(lists('one', 'two'));
    await arena.eventually(owner.close(), 'the handle to be closed');
    await recorder.until((snapshot) => lists()(snapshot) && snapshot.gone.length > 0);
  });

  test('keeps the registrations of a handle whose watch was closed', async (arena) => {
    const handle = arena.open();
    await arena.register(contractInstance('greeter', 'one'), handle);
    const recorder = arena.record('greeter', handle);
    await recorder.until(lists('one'));
    recorder.close();
    await arena.record('greeter').until(lists('one'));
  });

  test('takes an instance again after its registration was closed', async (arena) => {
    const recorder = arena.record('greeter');
    const handle = arena.open();
    const first = await arena.register(contractInstance('greeter', 'one'), handle);
    await recorder.until(lists('one'));
    await arena.eventually(first.close(), 'the registration to be closed');
    await recorder.until(({ gone }) => gone.length > 0);
    await arena.register(contractInstance('greeter', 'one', { port: 4400 }), handle);
    await recorder.until((snapshot) => snapshot.endpoints[0]?.port === 4400);
  });

  test('rejects a registration that is closed before it could be written, and leaves nothing behind', async (arena) => {
    const registration = arena.open().register(contractInstance('greeter', 'one'));
    const written = registration.registered.then(
      () => 'written',
      (error: unknown) => (error instanceof Error ? 'rejected' : 'rejected with something that is no error'),
    );
    await arena.eventually(registration.close(), 'the registration to be closed');
    // The write may have won the race; the promise must settle in any case.
    assert.match(await arena.eventually(written, 'the promise to settle'), /^(written|rejected)$/);
    await arena.record('greeter').until(lists());
  });
}

/** What must never be mixed up: services, namespaces, odd names. */
function separationTests(test: ArenaTest): void {
  test('lists an instance under each of its services', async (arena) => {
    const { endpoint } = contractInstance('greeter', 'one');
    await arena.register({ services: ['greeter', 'mailer'], endpoint });
    await arena.record('greeter').until(lists('one'));
    await arena.record('mailer').until(lists('one'));
  });

  test('keeps a service apart from one whose name it begins', async (arena) => {
    const [user, admin] = [arena.record('user'), arena.record('user-admin')];
    await arena.register(contractInstance('user-admin', 'admin'));
    await admin.until(lists('admin'));
    await arena.register(contractInstance('user', 'plain'));
    await user.until(lists('plain'));
    await arena.register(contractInstance('user.v2', 'dotted'));
    await arena.record('user.v2').until(lists('dotted'));
    for (const { endpoints } of [...user.snapshots, ...admin.snapshots]) assert.ok(endpoints.length <= 1);
    assert.deepEqual(idsOf(await arena.record('user').until(lists('plain'))), ['plain']);
  });

  test('keeps namespaces apart, one that begins the other included', async (arena) => {
    await arena.register(contractInstance('greeter', 'here'), arena.open('shop'));
    await arena.register(contractInstance('greeter', 'there'), arena.open('shop-2'));
    await arena.record('greeter', arena.open('shop')).until(lists('here'));
    await arena.record('greeter', arena.open('shop-2')).until(lists('there'));
    await arena.record('greeter', arena.open('sho')).until(lists());
  });

  test('takes names with dots, dashes, underscores and capitals', async (arena) => {
    const names = ['a.b-c_d', 'A.b-c_d', 'com.example.Shop_v1', '0', '_x', 'x..y', '2.5'];
    for (const [index, name] of names.entries()) await arena.register(contractInstance(name, `id-${index}`));
    for (const [index, name] of names.entries()) await arena.record(name).until(lists(`id-${index}`));
  });

  test('takes ids with characters that mean something to files and keys', async (arena) => {
    const ids = ['a/b', '../x', 'a%2Fb', '\u00e4 \u00f6', 'A', 'a', '.', 'x.json', 'q?y=1#z'];
    for (const id of ids) await arena.register(contractInstance('greeter', id));
    await arena.record('greeter').until(lists(...ids));
  });

  test('names the services that have an instance, and no others', async (arena) => {
    const handle = arena.open();
    assert.deepEqual(await arena.eventually(handle.services(), 'the names of services'), []);
    const { endpoint } = contractInstance('greeter', 'one');
    await arena.register({ services: ['mailer', 'greeter'], endpoint });
    const other = await arena.register(contractInstance('greeter', 'two'));
    await arena.register(contractInstance('elsewhere', 'three'), arena.open('other'));
    await arena.eventually(other.close(), 'the registration to be closed');
    const names = await arena.eventually(handle.services(), 'the names of services');
    assert.deepEqual([...names].sort(), ['greeter', 'mailer']);
  });
}

/** Without the keys whose value is undefined: an optional field may be absent or undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
