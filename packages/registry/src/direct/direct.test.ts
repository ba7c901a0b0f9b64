import assert from 'node:assert/strict';
import { systemClock, systemRandom } from '@org/rpc-core';
import { recordSnapshots, watchContract } from '@org/rpc-testkit';
import { direct } from './direct.js';

const environment = { namespace: 'default', clock: systemClock, random: systemRandom };

watchContract('direct', async () => ({
  create: () => direct(['10.0.0.8:4399', '10.0.0.7:4399']),
  close: async () => {},
}));

describe('direct()', () => {
  it('lists its addresses for every service: host names, IPv6 and unix sockets', async () => {
    const handle = direct(['node-1.internal:4399', '[::1]:80', 'unix:/run/shop.sock']).open(environment);
    const snapshot = await recordSnapshots(handle, 'anything').until(() => true);
    const rest = { weight: 100, state: 'up', isAnyInstance: true };
    assert.deepEqual(snapshot.endpoints, [
      { id: '[::1]:80', host: '::1', port: 80, ...rest },
      { id: 'node-1.internal:4399', host: 'node-1.internal', port: 4399, ...rest },
      { id: 'unix:/run/shop.sock', host: '', port: 0, path: '/run/shop.sock', ...rest },
    ]);
  });

  for (const address of [
    '',
    '10.0.0.7',
    '10.0.0.7:',
    ':4399',
    '::1:4399',
    '[10.0.0.7]:1',
    'h:0',
    'h:65536',
    'h:1.5',
    'a b:1',
    'h:1\r\n',
    'unix:',
  ]) {
    it(`refuses the address ${JSON.stringify(address)}, naming it`, () => {
      assert.throws(
        () => direct(['10.0.0.7:4399', address]),
        (error) => error instanceof TypeError && error.message.startsWith(`direct: ${JSON.stringify(address)}`),
      );
    });
  }

  it('refuses an empty list, what is no list, and an address that is listed twice', () => {
    assert.throws(() => direct([]), /direct: a list of 1 to 10000 addresses is needed, got 0/);
    assert.throws(() => direct('10.0.0.7:1' as never), TypeError);
    assert.throws(() => direct([7 as never]), /an address must be text, got 7/);
    assert.throws(() => direct(['h:1', 'h:1']), /the address "h:1" is listed twice/);
  });

  it('counts a server as registered at once', async () => {
    const handle = direct(['h:1']).open(environment);
    const endpoint = { id: 'one', host: 'h', port: 1, weight: 100, state: 'up' } as const;
    const registration = handle.register({ services: ['greeter'], endpoint });
    await registration.registered;
    assert.deepEqual(registration.state(), { status: 'registered' });
    await registration.close();
    assert.deepEqual(registration.state(), { status: 'closed' });
  });

  it('says that it knows no services', async () => {
    await assert.rejects(direct(['h:1']).open(environment).services(), { code: 'UNIMPLEMENTED' });
  });

  it('shows itself without listing a thousand addresses', () => {
    assert.equal(direct(['h:1']).display, 'direct://h:1');
    assert.equal(direct(['h:1', 'h:2', 'h:3']).display, 'direct://h:1 and 2 more');
  });
});
