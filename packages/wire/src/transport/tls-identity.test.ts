import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '@org/rpc-core';
import { systemClock } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import { type Issued, TestAuthority } from '../../test/certificates.js';
import type { ByteStream, Listener } from './byte-stream.js';
import { ALPN_PROTOCOL, dialTls } from './tls.js';
import { isExpected, isIdentityPattern } from './tls-identity.js';
import { listenTls } from './tls-listener.js';
import { expectedIdentity, resolveClientTls } from './tls-options.js';
import { createServerTls } from './tls-source.js';

describe('who a certificate is for', () => {
  const names = (subjectaltname: string) => ({ subjectaltname });

  for (const [given, pattern, expected] of [
    ['URI:spiffe://prod/orders', 'spiffe://prod/orders', true],
    ['URI:spiffe://prod/orders', 'spiffe://*/orders', true],
    ['URI:spiffe://prod/ns/a/sa/orders', 'spiffe://prod/ns/*/sa/orders', true],
    ['URI:spiffe://prod/ns/a/b/sa/orders', 'spiffe://prod/ns/*/sa/orders', false],
    ['URI:spiffe:///orders', 'spiffe://*/orders', false],
    ['URI:spiffe://prod/orders/admin', 'spiffe://prod/orders', false],
    ['URI:spiffe://prod/Orders', 'spiffe://prod/orders', false],
    ['URI:spiffe://prod/web, URI:spiffe://prod/orders', 'spiffe://prod/orders', false],
    ['DNS:spiffe://prod/orders', 'spiffe://prod/orders', false],
    ['DNS:a.orders.internal, DNS:b', '*.orders.internal', true],
    ['DNS:ORDERS.internal', 'orders.Internal', true],
    ['DNS:a.b.orders.internal', '*.orders.internal', false],
    // A certificate that is itself for a wildcard is not for one of the names under it.
    ['DNS:*.internal', 'orders.internal', false],
    ['URI:spiffe://prod/web, DNS:"orders.internal, URI:spiffe://prod/orders"', 'spiffe://prod/orders', false],
    ['', 'orders.internal', false],
  ] as const) {
    it(`${given === '' ? 'no name' : given} is ${expected ? '' : 'not '}${pattern}`, () => {
      assert.equal(isExpected(names(given), pattern), expected);
    });
  }

  it('patterns are refused that are none, or believe everybody', () => {
    for (const good of ['spiffe://prod/orders', 'spiffe://*/orders', 'orders.internal', '*.orders', 'https://a:1/b'])
      assert.ok(isIdentityPattern(good), good);
    for (const bad of ['', '*', '*.*', 'spiffe://*/*', 'a b', 'ord*rs.internal', 'spiffe://prod/ord*', 'a..b', 7, null])
      assert.ok(!isIdentityPattern(bad), String(bad));
  });

  it('is looked up by service, without what objects bring along', () => {
    const tls = (identity: string | Record<string, string>) => resolveClientTls('f', { identity });
    assert.equal(expectedIdentity(tls('orders.internal'), 'web'), 'orders.internal');
    assert.equal(expectedIdentity(tls({ orders: 'a.b' }), 'orders'), 'a.b');
    assert.equal(expectedIdentity(tls({ orders: 'a.b' }), 'constructor'), undefined);
    assert.equal(expectedIdentity(tls({ orders: 'a.b', '*': 'c.d' }), 'web'), 'c.d');
    assert.throws(() => tls({ orders: '*' }), /^TypeError: f: tls\.identity\["orders"\] must be a URI or a DNS name/);
    assert.throws(() => tls('ord*'), /^TypeError: f: tls\.identity must be a URI or a DNS name/);
  });
});

describe('a TLS connection', function () {
  this.timeout(20_000);
  let authority: TestAuthority;
  let listener: Listener;
  let accepted: ByteStream[];
  let errors: string[];
  before(() => {
    authority = new TestAuthority();
  });
  after(() => authority.remove());
  afterEach(async () => {
    for (const stream of accepted) stream.destroy();
    await listener.close();
  });

  async function listen(own: Issued, change: object = {}, clock: Clock = systemClock): Promise<void> {
    accepted = [];
    errors = [];
    listener = await listenTls(
      { host: '0.0.0.0', port: 0, connectionsMax: 10 },
      {
        clock,
        tls: createServerTls('test', { ...own, ...change }),
        handshakeMs: 300,
        onStream: (stream) => accepted.push(stream),
        onRefused: (stream) => stream.destroy(),
        onError: (error) => errors.push(error.message),
      },
    );
  }

  const dial = (identity: string | undefined): Promise<ByteStream> => {
    const tls = resolveClientTls('test', { ca: authority.ca });
    return dialTls(systemClock, tls, { host: '127.0.0.1', port: listener.address.port, timeoutMs: 5_000, identity });
  };

  it('goes to whom the client expects, whatever host the certificate is for', async () => {
    await listen(authority.issue({ names: 'URI:spiffe://prod/orders' }));
    (await dial('spiffe://*/orders')).destroy();
    await assert.rejects(dial(undefined), /not for 127\.0\.0\.1/);
  });

  it('does not go to another service of the same authority, though its certificate is for the host', async () => {
    await listen(authority.issue({ names: 'URI:spiffe://prod/web,IP:127.0.0.1' }));
    (await dial(undefined)).destroy();
    await assert.rejects(dial('spiffe://prod/orders'), /proved to be URI:spiffe:\/\/prod\/web, .* expected/);
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`that is resumed (${maxVersion}) does not outlive the certificate of its client`, async () => {
      let wall = Date.parse('2039-12-31T00:00:00Z');
      const clock = Object.assign(new FakeClock(), { wallNow: () => wall });
      await listen(authority.issue(), { ca: authority.ca, requestClientCertificate: 'require' }, clock);
      const mine = authority.issue({ names: 'URI:spiffe://prod/web', until: '400101000000Z' });
      const options = { ...mine, ca: authority.ca, host: '127.0.0.1', port: listener.address.port, maxVersion };
      const enter = (session?: Buffer): TLSSocket => {
        const socket = connectTls({ ...options, ALPNProtocols: [ALPN_PROTOCOL], ...(session ? { session } : {}) });
        return socket.on('error', () => {}).resume();
      };
      const first = enter();
      const session = await new Promise<Buffer>((resolve) => first.once('session', resolve));
      while (accepted.length < 1) await new Promise((resolve) => setImmediate(resolve));
      first.destroy();
      const again = enter(session);
      while (accepted.length < 2) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(again.isSessionReused());
      assert.equal(accepted[1]!.peer.identity, 'spiffe://prod/web');
      again.destroy();
      wall = Date.parse('2040-01-01T00:00:00Z');
      const late = enter(session);
      while (!late.closed) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(accepted.length, 2);
      assert.match(errors.at(-1)!, /the certificate of the client has expired/);
    });
  }

  it('has a handshake deadline of its own, also beside one from the same port to another address here', async () => {
    const clock = new FakeClock();
    await listen(authority.issue(), {}, clock);
    const { port } = listener.address;
    const enter = async (host: string, localPort: number) => {
      const pending = clock.pending;
      const socket = connect({ host, port, localAddress: '127.0.0.1', localPort });
      socket.on('error', () => {});
      if (localPort !== 0) socket.resume();
      while (clock.pending === pending) await new Promise((resolve) => setImmediate(resolve));
      return socket;
    };
    const first = await enter('127.0.0.1', 0);
    const second = await enter('127.0.0.2', first.localPort!);
    const secured = connectTls({ socket: first, ca: authority.ca, servername: 'localhost', ALPNProtocols: ['rpc/1'] });
    secured.on('error', () => {});
    while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(300);
    // The one that says nothing is closed; the other one, whose handshake is done, is not.
    while (!second.closed) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([clock.pending, first.closed, errors.length], [0, false, 1]);
    secured.destroy();
  });
});
