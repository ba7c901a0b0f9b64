import assert from 'node:assert/strict';
import type { RegistryEvent } from '@org/rpc-registry';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { openEtcdRegistry } from '../src/etcd-registry.js';
import { describeInsecure, type EtcdOptions, resolveEtcdOptions } from '../src/options.js';

const auth = { username: 'admin', password: 'sesame' };

describe('a password of etcd in plaintext', () => {
  for (const [hosts, named] of [
    ['http://etcd-1:2379', 'etcd-1:2379'],
    ['10.0.0.1', '10.0.0.1:2379'],
    [['http://127.0.0.1:2379', 'http://10.0.0.2:2379'], '10.0.0.2:2379'],
    ['[fd00::1]:2379', '[fd00::1]:2379'],
    ['127.0.0.1.example:2379', '127.0.0.1.example:2379'],
  ] as const)
    it(`is told of to ${hosts}`, () => {
      const said = describeInsecure(resolveEtcdOptions({ hosts, auth }));
      assert.ok(said?.startsWith(`the password of etcd goes to ${named} without TLS`), said);
      assert.doesNotMatch(said!, /sesame|admin/);
    });

  for (const options of [
    { hosts: 'http://localhost:2379', auth },
    { hosts: ['127.0.0.1', '127.1.2.3', '[::1]'], auth },
    { hosts: 'https://etcd-1', auth },
    { hosts: 'etcd-1', auth, tls: {} },
    { hosts: 'etcd-1' },
  ] satisfies EtcdOptions[])
    it(`is none where ${JSON.stringify({ ...options, auth: 'auth' in options })}`, () => {
      assert.equal(describeInsecure(resolveEtcdOptions(options)), undefined);
    });

  it('is an event of the registry, once, when it is first used', async () => {
    let events: readonly RegistryEvent[] = [];
    const environment = { namespace: 'n', clock: new FakeClock(), random: seededRandom(1) };
    const onEvent = (event: RegistryEvent): void => {
      events = [...events, event];
    };
    const options = resolveEtcdOptions({ hosts: 'http://etcd-1:2379', auth });
    const connect = (): Promise<never> => Promise.reject(new Error('not there'));
    const handle = openEtcdRegistry(options, { ...environment, onEvent }, connect);
    assert.equal(events.length, 0);
    for (let i = 0; i < 3; i++) await handle.services().catch(() => undefined);
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['insecure'],
    );
    assert.match(events[0]!.message, /goes to etcd-1:2379 without TLS/);
    await handle.close();
  });
});
