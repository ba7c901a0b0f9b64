import assert from 'node:assert/strict';
import { Call, DEFAULT_LIMITS, type Limits, systemClock } from '@org/rpc-core';
import { TimerQueue, wireName } from '@org/rpc-core/internal';
import { msgpack } from '../src/codec/msgpack.js';
import { ClientConnection } from '../src/connection/client/client-connection.js';
import type { CallConnection, ClientConnectionOptions } from '../src/connection/client/client-protocol.js';
import { messagePackRpc } from '../src/connection/message-pack-rpc/message-pack-rpc.js';
import { serveMessagePackRpc } from '../src/connection/message-pack-rpc/message-pack-rpc-server-connection.js';
import { ServerConnection } from '../src/connection/server/server-connection.js';
import type { ByteStream, Listener } from '../src/transport/byte-stream.js';
import { dialTcp, listenTcp } from '../src/transport/tcp.js';
import { dialTls } from '../src/transport/tls.js';
import { listenTls } from '../src/transport/tls-listener.js';
import { createClientTls, createServerTls } from '../src/transport/tls-source.js';
import { TestAuthority } from './certificates.js';
import { TestHost } from './connection-rig.js';

const LOOPBACK = { host: '127.0.0.1', port: 0, connectionsMax: 10 };
const LARGE_BYTES = 3 * 1024 * 1024;
const fail = (error: Error): void => {
  throw error;
};

/** A way from a client to a server. */
interface Way {
  listen(onStream: (stream: ByteStream) => void): Promise<Listener>;
  dial(port: number): Promise<ByteStream>;
}

const tcp = (): Way => ({
  listen: (onStream) => listenTcp(LOOPBACK, onStream, fail),
  dial: (port) => dialTcp(systemClock, { host: '127.0.0.1', port, timeoutMs: 5_000 }),
});

function tls(authority: TestAuthority): Way {
  const source = createServerTls('test', authority.issue());
  const clientTls = createClientTls('test', { ca: authority.ca }).current;
  const options = { clock: systemClock, tls: source, handshakeMs: 5_000, onError: fail, onRefused: () => {} };
  return {
    listen: (onStream) => listenTls(LOOPBACK, { ...options, onStream }),
    dial: (port) => dialTls(systemClock, clientTls, { host: '127.0.0.1', port, timeoutMs: 5_000 }),
  };
}

type Open = (options: ClientConnectionOptions) => CallConnection;
const openNative: Open = (options) => new ClientConnection(options);

/** A client and a server at both ends of a way. */
async function connected({ listen, dial }: Way, limits: Limits, open = openNative) {
  const host = new TestHost();
  host.methods['large'] = (index: number) => Buffer.alloc(LARGE_BYTES, `${index} `);
  const timers = new TimerQueue(systemClock);
  const shared = { codec: msgpack(), limits, clock: systemClock };
  const listener = await listen(
    (stream) => new ServerConnection({ messagePackRpc: serveMessagePackRpc, ...shared, stream, host }),
  );
  const client = open({
    ...shared,
    stream: await dial(listener.address.port),
    timers,
    observer: { greeted() {}, draining() {}, closed() {} },
    expectInstance: '',
  });
  const call = (method: string, value: unknown): Promise<unknown> =>
    client.send(new Call({ service: 'test', method, wireName: wireName('test', method) }, [value], false));
  return {
    call,
    async close(): Promise<void> {
      client.close('the test is over');
      timers.close();
      await listener.close();
    },
  };
}

/** Twenty large replies at the same time, and small calls one after the other until the last of them has come. */
async function exchange(way: Way): Promise<void> {
  const { call, close } = await connected(way, DEFAULT_LIMITS);
  let pending = 20;
  const large = Array.from({ length: pending }, async (_, index) => {
    const value = (await call('large', index)) as Buffer;
    pending--;
    return value.equals(Buffer.alloc(LARGE_BYTES, `${index} `));
  });
  let passed = 0;
  try {
    for (let i = 0; pending > 0; i++) {
      assert.equal(await call('echo', i), i);
      if (pending > 0) passed++;
    }
    assert.ok((await Promise.all(large)).every(Boolean));
  } finally {
    await close();
  }
  // They were asked for after all the large ones: without pieces every one of these would come first.
  assert.ok(passed > 0, 'no small call came back before the last large reply');
}

describe('twenty large replies at the same time', function () {
  this.timeout(30_000);
  let authority: TestAuthority;
  before(() => {
    authority = new TestAuthority();
  });
  after(() => authority.remove());

  it('all arrive over TCP, and small calls pass them', () => exchange(tcp()));
  it('all arrive over TLS, and small calls pass them', () => exchange(tls(authority)));
});

describe('large requests whose answers are as large', function () {
  this.timeout(10_000);

  for (const [protocol, open] of [
    ['the native protocol', openNative],
    ['MessagePack-RPC', messagePackRpc().open],
  ] as const) {
    it(`all arrive by ${protocol}, though both ends have more to write than may wait`, async () => {
      const { call, close } = await connected(tcp(), { ...DEFAULT_LIMITS, writeQueueBytes: 2 * 1024 * 1024 }, open);
      try {
        const sent = Array.from({ length: 16 }, (_, i) => Buffer.alloc(1024 * 1024, `${i} `));
        const came = await Promise.all(sent.map((each) => call('echo', each)));
        assert.ok(came.every((each, i) => sent[i]!.equals(each as Buffer)));
      } finally {
        await close();
      }
    });
  }
});
