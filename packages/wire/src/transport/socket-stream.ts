import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Peer } from '@org/rpc-core';
import type { ByteReceiver, ByteStream } from './byte-stream.js';
import { describeNodeError } from './node-error.js';

const NOTHING = Buffer.alloc(0);

/** A socket of Node.js, in plaintext or of TLS, as a {@link ByteStream}. */
export class SocketStream implements ByteStream {
  readonly peer: Peer;
  readonly #socket: Socket;
  readonly #isTls: boolean;
  #receiver: ByteReceiver | undefined;
  #failure: Error | undefined;

  constructor(socket: Socket, peer: Peer) {
    this.#socket = socket;
    this.#isTls = socket instanceof TLSSocket;
    this.peer = peer;
    // From the first moment on: an `error` that nobody listens to ends the process.
    socket.on('error', (error) => {
      this.#failure = describeNodeError(error);
    });
  }

  get certificate(): X509Certificate | undefined {
    const socket = this.#socket;
    return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  }

  start(receiver: ByteReceiver): void {
    const socket = this.#socket;
    // It was lost before it had a receiver: no event will come.
    if (socket.closed) return queueMicrotask(() => receiver.closed(this.#failure));
    const isFirst = this.#receiver === undefined;
    this.#receiver = receiver;
    if (!isFirst) return;
    socket.on('data', (bytes: Buffer) => this.#receiver?.data(bytes));
    socket.on('drain', () => this.#receiver?.drained());
    socket.on('end', () => this.#receiver?.ended());
    socket.on('close', () => this.#receiver?.closed(this.#failure));
  }

  write<T>(bytes: Buffer, memory?: T, release?: (memory: T) => void): boolean {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return true;
    if (this.#isTls && release !== undefined) {
      // TLS never says at once that it has taken everything: only its callback does. Plain sockets need no callback, which would
      // cost time.
      socket.write(bytes, () => release(memory as T));
      return false;
    }
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

  probe(afterMs: number): void {
    this.#socket.setKeepAlive(true, afterMs);
  }

  poke(): void {
    this.write(NOTHING);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Who dialled an accepted socket; a unix socket does not tell. */
export function addressOf(socket: Socket): string {
  return socket.remoteAddress === undefined ? 'unix' : `${socket.remoteAddress}:${socket.remotePort ?? 0}`;
}
