import assert from 'node:assert/strict';
import { type ArenaTest, contractInstance, idsOf, lists } from './registry-arena.js';

/** What must never be mixed up: services, namespaces, odd names. */
export function separationTests(test: ArenaTest): void {
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
