import { connect, createServer, type Socket } from 'node:net';
import type { Clock } from '@org/rpc-core';
import { type Bind, bindServer, type ListenTarget } from './bind-server.js';
import type { ByteStream, DialTarget, Listener } from './byte-stream.js';
import { ConnectionPace } from './connection-pace.js';
import { DescriptorReserve, noDescriptor } from './descriptor-reserve.js';
import { describeNodeError } from './node-error.js';
import { ReadTurns } from './read-turns.js';
import { SharedReading } from './shared-reading.js';
import { addressOf, SocketStream } from './socket-stream.js';

/** Dials TCP and unix sockets. @throws Error in words for people: refused, timed out, too many open files */
export function dialTcp(clock: Clock, target: DialTarget): Promise<ByteStream> {
  const { host, port, path, timeoutMs } = target;
  const where = path === undefined ? `${host}:${port}` : `unix:${path}`;
  return new Promise((resolve, reject) => {
    // allowHalfOpen: a side that has ended can still be sent the rest, above all why its connection is closed.
    const reading = new SharedReading();
    const options = { allowHalfOpen: true, onread: reading.onread };
    const socket = connect(path === undefined ? { ...options, host, port, noDelay: true } : { ...options, path });
    const cancelTimer = clock.schedule(timeoutMs, () => {
      socket.destroy();
      reject(describeNodeError(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })));
    });
    socket.once('error', (error) => {
      cancelTimer();
      reject(describeNodeError(error));
    });
    socket.once('connect', () => {
      cancelTimer();
      socket.removeAllListeners('error');
      // Calls in flight hold the process, by the timer of their deadlines; a connection that nobody uses does not.
      socket.unref();
      resolve(new SocketStream(socket, { address: where }, reading));
    });
  });
}

/**
 * Listens on TCP or a unix socket.
 * @param onStream - given each accepted stream, before any of its bytes
 * @param onError - told of what went wrong while accepting (too many open files); it goes on
 * @param onRefused - given each stream that cannot be served, to be told why and closed; left out: it is dropped
 * @param bind - where connections come from, unless the server listens by itself
 * @throws Error in words for people: address taken, permission denied
 */
export function listenTcp(
  target: ListenTarget,
  onStream: (stream: ByteStream) => void,
  onError: (error: Error) => void,
  onRefused: (stream: ByteStream, reason: string) => void = (stream) => stream.destroy(),
  bind: Bind = bindServer,
): Promise<Listener> {
  const reserve = new DescriptorReserve();
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: false });
  const pace = target.pace && new ConnectionPace(target.pace.clock, target.pace.perSecond, onError);
  const turns = target.pace && new ReadTurns(target.pace.clock);
  const enter = (socket: Socket): void => {
    if (reserve.hasRoom()) return onStream(new SocketStream(socket, { address: addressOf(socket) }, undefined, turns));
    onError(noDescriptor());
    const giveBack = reserve.lend();
    socket.on('error', () => {});
    if (giveBack === undefined) return void socket.destroy();
    socket.once('close', giveBack);
    onRefused(new SocketStream(socket, { address: addressOf(socket) }), 'the server has too many open files');
  };
  server.on('connection', (socket) => (pace === undefined ? enter(socket) : pace.enter(socket, enter)));
  server.once('listening', () => reserve.fill());
  return bind(server, target, onError, () => {
    pace?.close();
    reserve.close();
  });
}
