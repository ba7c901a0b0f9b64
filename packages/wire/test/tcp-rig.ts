import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Call, DEFAULT_LIMITS, systemClock } from '@org/rpc-core';
import { TimerQueue, wireName } from '@org/rpc-core/internal';
import { msgpack } from '../src/codec/msgpack.js';
import { ClientConnection } from '../src/connection/client/client-connection.js';
import { serveMessagePackRpc } from '../src/connection/message-pack-rpc/message-pack-rpc-server-connection.js';
import { ServerConnection } from '../src/connection/server/server-connection.js';
import { dialTcp, listenTcp } from '../src/transport/tcp.js';
import { TestHost } from './connection-rig.js';

/** A server on a real port with one good client, and a way to be a bad one. */
export interface TcpRig {
  readonly host: TestHost;
  /** Opens a plain socket to the server. */
  open(): Promise<Socket>;
  /** A call of the good client, whose connection has been there from the start: `test.echo`. */
  echo(value: unknown): Promise<unknown>;
  /** Waits until so many connections of the server are over. */
  untilClosed(count: number): Promise<void>;
  /** Lets the server look after its connections. */
  tick(): void;
  close(): Promise<void>;
}

/** Makes a {@link TcpRig} on the loopback address. */
export async function tcpRig(): Promise<TcpRig> {
  const host = new TestHost();
  const codec = msgpack();
  const timers = new TimerQueue(systemClock);
  const shared = { codec, limits: DEFAULT_LIMITS, clock: systemClock };
  let wake: (() => void) | undefined;
  const onClosed = host.closed.bind(host);
  host.closed = (connection, reason) => {
    onClosed(connection, reason);
    wake?.();
  };
  const connections: ServerConnection[] = [];
  const listener = await listenTcp(
    { host: '127.0.0.1', port: 0, connectionsMax: 1_000 },
    (stream) =>
      void connections.push(new ServerConnection({ messagePackRpc: serveMessagePackRpc, ...shared, stream, host })),
    (error) => {
      throw error;
    },
  );
  const { port } = listener.address;
  const client = new ClientConnection({
    ...shared,
    stream: await dialTcp(systemClock, { host: '127.0.0.1', port, timeoutMs: 5_000 }),
    timers,
    observer: { greeted() {}, draining() {}, closed() {} },
    expectInstance: '',
  });
  const ref = { service: 'test', method: 'echo', wireName: wireName('test', 'echo') };
  return {
    host,
    async open() {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      await once(socket, 'connect');
      return socket;
    },
    echo: (value) => client.send(new Call(ref, [value], false)),
    async untilClosed(count) {
      while (host.closedReasons.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
    tick() {
      for (const connection of connections) connection.tick(systemClock.now());
    },
    async close() {
      client.close('the test is over');
      timers.close();
      await listener.close();
    },
  };
}

/** Everything that a socket gets until it is closed; it answers the end of the other side with its own. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => chunks.push(bytes));
  // A reset is an end like any other here: what came before it counts.
  socket.on('error', () => {});
  await once(socket, 'close');
  return Buffer.concat(chunks);
}
