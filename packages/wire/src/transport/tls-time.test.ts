import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { FakeClock } from '@org/rpc-testkit';
import { TestAuthority } from '../../test/certificates.js';
import type { Listener } from './byte-stream.js';
import { dialTls } from './tls.js';
import { listenTls } from './tls-listener.js';
import { resolveClientTls } from './tls-options.js';
import { createServerTls } from './tls-source.js';

/** Lets sockets be polled until something holds that only they bring about. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

describe('the time of a TLS handshake, on the clock that was given', function () {
  this.timeout(20_000);
  let authority: TestAuthority;
  before(() => {
    authority = new TestAuthority();
  });
  after(() => authority.remove());

  describe('at a listener', () => {
    let clock: FakeClock;
    let listener: Listener;
    let errors: string[];
    let opened: number;
    let sockets: Socket[];
    beforeEach(async () => {
      clock = new FakeClock();
      errors = [];
      opened = 0;
      sockets = [];
      listener = await listenTls(
        { host: '127.0.0.1', port: 0, connectionsMax: 10 },
        {
          clock,
          tls: createServerTls('test', authority.issue()),
          handshakeMs: 300,
          onStream: () => opened++,
          onRefused: (stream) => stream.destroy(),
          onError: (error) => errors.push(error.message),
        },
      );
    });
    afterEach(async () => {
      for (const socket of sockets) socket.destroy();
      await listener.close();
    });

    /** A client in plaintext whose connection the listener has noticed: the clock has its timer. */
    async function enter(): Promise<Socket> {
      const before = clock.pending;
      const socket = connect(listener.address.port, '127.0.0.1').resume();
      socket.on('error', () => {});
      sockets.push(socket);
      await until(() => clock.pending > before);
      return socket;
    }

    for (const [who, first] of [
      ['who says nothing', ''],
      ['who begins a handshake and stops', '\x16\x03\x01'],
      ['who speaks another protocol and stays', 'GET / HTTP/1.1\r\n\r\n'],
    ] as const) {
      it(`is over for a client ${who}, at its end and not before`, async () => {
        const socket = await enter();
        let isClosed = false;
        socket.once('close', () => (isClosed = true));
        if (first !== '') socket.write(first);
        await clock.advance(299);
        assert.deepEqual([isClosed, errors.some((text) => text.includes('not done within'))], [false, false]);
        await clock.advance(1);
        await until(() => isClosed);
        assert.ok(errors.some((text) => text.includes('not done within 300 ms (limits.handshakeMs)')));
        assert.equal(clock.pending, 0);
      });
    }

    it('is counted for each client by itself', async () => {
      const first = await enter();
      await clock.advance(200);
      const second = await enter();
      await clock.advance(100);
      await until(() => first.closed);
      assert.equal(clock.pending, 1);
      await clock.advance(200);
      await until(() => second.closed);
      assert.equal(clock.pending, 0);
    });

    it('ends with a handshake that is done, and with a client that leaves', async () => {
      const tls = resolveClientTls('test', { ca: authority.ca });
      const target = { host: '127.0.0.1', port: listener.address.port, timeoutMs: 1_000 };
      const stream = await dialTls(clock, tls, target);
      await until(() => opened === 1);
      assert.equal(clock.pending, 0);
      stream.destroy();
      (await enter()).destroy();
      await until(() => clock.pending === 0);
      assert.deepEqual(errors, []);
    });

    it('does not outlive the listener', async () => {
      const socket = await enter();
      await listener.close();
      await until(() => socket.closed);
      await until(() => clock.pending === 0);
    });
  });

  describe('at a client', () => {
    let silent: Server;
    let accepted: Socket[];
    beforeEach(async () => {
      accepted = [];
      silent = createServer((socket) => accepted.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
      await once(silent, 'listening');
    });
    afterEach(() => {
      for (const socket of accepted) socket.destroy();
      silent.close();
    });

    const target = (): { host: string; port: number; timeoutMs: number } => ({
      host: '127.0.0.1',
      port: (silent.address() as AddressInfo).port,
      timeoutMs: 500,
    });

    it('is over at its end and not before, where the server accepts and says nothing', async () => {
      const clock = new FakeClock();
      const dialing = dialTls(clock, resolveClientTls('test', { ca: authority.ca }), target());
      const errors: (Error & { code?: string })[] = [];
      dialing.catch((caught: Error) => errors.push(caught));
      await until(() => accepted.length === 1);
      await clock.advance(499);
      assert.equal(errors.length, 0);
      await clock.advance(1);
      assert.deepEqual([errors[0]?.message, errors[0]?.code], ['TLS handshake timed out (ETIMEDOUT)', 'ETIMEDOUT']);
      accepted[0]!.resume();
      await until(() => accepted[0]!.closed);
    });

    it('ends with a handshake that fails', async () => {
      const clock = new FakeClock();
      const dialing = dialTls(clock, resolveClientTls('test', { ca: authority.ca }), target());
      const failed = assert.rejects(dialing, /does not speak TLS/);
      await until(() => accepted.length === 1);
      accepted[0]!.write('SSH-2.0-OpenSSH\r\n');
      await failed;
      assert.equal(clock.pending, 0);
    });
  });
});
