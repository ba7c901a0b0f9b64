import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { tellOfPlaintext } from './plaintext-token.js';

describe('a token in plaintext', () => {
  /** What is said of connections to these hosts, in turn. */
  async function toldOf(targets: readonly { readonly host: string; readonly path?: string }[]): Promise<string[]> {
    const told: string[] = [];
    let dialled = 0;
    const dial = tellOfPlaintext(
      () => {
        dialled++;
        return Promise.reject(new Error('not there'));
      },
      (message) => told.push(message),
    );
    for (const target of targets) await assert.rejects(dial({ port: 4399, timeoutMs: 1, ...target }), /not there/);
    assert.equal(dialled, targets.length);
    return told;
  }

  for (const [host, named] of [
    ['192.0.2.7', '192.0.2.7:4399'],
    ['orders.internal', 'orders.internal:4399'],
    ['127.0.0.1.example', '127.0.0.1.example:4399'],
    ['2001:db8::7', '[2001:db8::7]:4399'],
  ] as const)
    it(`is told of to ${host}, once`, async () => {
      const told = await toldOf([{ host }, { host }, { host: '192.0.2.8' }]);
      assert.equal(told.length, 1);
      assert.ok(told[0]!.startsWith(`the token of this client goes to ${named} without TLS`), told[0]);
    });

  it('is nothing to tell of on this machine', async () => {
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    const hosts = [
      'localhost',
      '127.0.0.1',
      '127.1.2.3',
      '::1',
      '::ffff:127.0.0.1',
      ...own.map(({ address }) => address),
    ];
    assert.deepEqual(await toldOf(hosts.map((host) => ({ host }))), []);
    assert.deepEqual(await toldOf([{ host: 'unix', path: '/run/orders.sock' }]), []);
  });
});
