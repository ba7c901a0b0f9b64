import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { FakeClock } from '@org/rpc-testkit';
import { TestAuthority } from '../../test/certificates.js';
import { dialTls } from './tls.js';
import { resolveClientTls } from './tls-options.js';

describe('the protocol that TLS names (ALPN)', function () {
  this.timeout(20_000);
  let authority: TestAuthority;
  before(() => {
    authority = new TestAuthority();
  });
  after(() => authority.remove());

  /** Dials a server of TLS that knows these protocols; gives what it has seen the client choose. */
  async function dial(protocols: readonly string[] | undefined): Promise<unknown> {
    const server = createServer({
      ...authority.issue({ name: 'server' }),
      ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
    });
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const secured = once(server, 'secureConnection') as Promise<[TLSSocket]>;
    try {
      const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port, timeoutMs: 10_000 };
      const stream = await dialTls(new FakeClock(), resolveClientTls('test', { ca: authority.ca }), target);
      const [socket] = await secured;
      stream.destroy();
      socket.destroy();
      return socket.alpnProtocol;
    } finally {
      secured.catch(() => {});
      server.close();
    }
  }

  it('is rpc/1 where the server knows it among others', async () => {
    assert.equal(await dial(['h2', 'rpc/1', 'http/1.1']), 'rpc/1');
  });

  it('is none where the server names none, and it is spoken to all the same', async () => {
    assert.equal(await dial(undefined), false);
  });

  it('ends the handshake of a client, in words, where the server knows only others', async () => {
    await assert.rejects(dial(['h2', 'http/1.1']), /the port speaks TLS but not this protocol \(ALPN rpc\/1\)/);
  });
});
