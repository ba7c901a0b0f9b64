import { connect, createServer, type Socket } from 'node:net';
import type { Clock } from '../clock.js';
import type { Peer } from '../context.js';
import type { ByteReceiver, ByteStream, DialTarget, Listener } from './byte-stream.js';
import { describeNodeError } from './node-error.js';

/** Dials TCP and unix sockets. @throws Error in words for people: refused, timed out, too many open files */
export function dialTcp(clock: Clock, target: DialTarget): Promise<ByteStream> {
  const { host, port, path, timeoutMs } = target;
  const where = path === undefined ? `${host}:${port}` : `unix:${path}`;
  return new Promise((resolve, reject) => {
    // allowHalfOpen: a side that has said all may still be told the rest, above all why its connection is closed.
    const socket = connect(
      path === undefined ? { host, port, noDelay: true, allowHalfOpen: true } : { path, allowHalfOpen: true },
    );
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
      resolve(new SocketStream(socket, where));
    });
  });
}

/** Where to listen. */
export interface ListenTarget {
  readonly host: string;
  readonly port: number;
  readonly path?: string | undefined;
  /** Beyond this many streams at once the newest is closed. */
  readonly connectionsMax: number;
}

/**
 * Listens on TCP or a unix socket.
 * @param onStream - given each accepted stream, before any of its bytes
 * @param onError - told of what went wrong while accepting (too many open files); it goes on
 * @throws Error in words for people: address taken, permission denied
 */
export function listenTcp(
  target: ListenTarget,
  onStream: (stream: ByteStream) => void,
  onError: (error: Error) => void,
): Promise<Listener> {
  const { host, port, path } = target;
  const where = path === undefined ? `listen on ${host}:${port}` : `listen on unix:${path}`;
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: false });
  server.maxConnections = target.connectionsMax;
  server.on('connection', (socket) => {
    const address = path === undefined ? `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}` : 'unix';
    onStream(new SocketStream(socket, address));
  });
  server.on('drop', () =>
    onError(new Error(`${where}: refused a connection, ${target.connectionsMax} are open (limits.connections)`)),
  );
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(describeNodeError(error, where)));
    server.listen(path === undefined ? { host, port } : { path }, () => {
      server.removeAllListeners('error');
      server.on('error', (error) => onError(describeNodeError(error, where)));
      const bound = server.address();
      const address =
        bound === null || typeof bound === 'string'
          ? { host: '', port: 0, path: path ?? '' }
          : { host: bound.address, port: bound.port };
      resolve({
        address,
        // It stops accepting at once; that it also waits for open connections is of no use here, they live on.
        close: async () => {
          server.close();
        },
      });
    });
  });
}

/** A socket of Node.js as a {@link ByteStream}. */
class SocketStream implements ByteStream {
  readonly peer: Peer;
  readonly #socket: Socket;
  #receiver: ByteReceiver | undefined;
  #failure: Error | undefined;

  constructor(socket: Socket, address: string) {
    this.#socket = socket;
    this.peer = { address };
    // From the first moment on: an `error` that nobody listens to ends the process.
    socket.on('error', (error) => {
      this.#failure = describeNodeError(error);
    });
  }

  start(receiver: ByteReceiver): void {
    const socket = this.#socket;
    // It was lost before anybody received: there is no event to come.
    if (socket.closed) return queueMicrotask(() => receiver.closed(this.#failure));
    const isFirst = this.#receiver === undefined;
    this.#receiver = receiver;
    if (!isFirst) return;
    socket.on('data', (bytes: Buffer) => this.#receiver?.data(bytes));
    socket.on('drain', () => this.#receiver?.drained());
    socket.on('end', () => this.#receiver?.ended());
    socket.on('close', () => this.#receiver?.closed(this.#failure));
  }

  write(bytes: Buffer): boolean {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return true;
    socket.write(bytes);
    // Nothing queued right after a write means that libuv has handed all of it to the kernel.
    return socket.writableLength === 0;
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (!this.#socket.writableEnded) this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
