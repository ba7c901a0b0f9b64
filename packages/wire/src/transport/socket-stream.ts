import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Peer } from '@org/rpc-core';
import type { ByteReceiver, ByteStream } from './byte-stream.js';
import { describeNodeError } from './node-error.js';
import type { InTurn, ReadTurns } from './read-turns.js';
import type { SharedReading } from './shared-reading.js';

const NOTHING = Buffer.alloc(0);

/** A socket of Node.js, in plaintext or of TLS, as a {@link ByteStream}. */
export class SocketStream implements ByteStream, InTurn {
  readonly peer: Peer;
  readonly whenTaken?: (run: () => void) => void;
  readonly #socket: Socket;
  readonly #isTls: boolean;
  readonly #reading: SharedReading | undefined;
  readonly #turns: ReadTurns | undefined;
  #receiver: ByteReceiver | undefined;
  #failure: Error | undefined;
  #isPaused = false;
  #awaitsTurn = false;
  /** What gives memory back that a plain socket still reads from. It does not tell when that ends: this is looked at later. */
  readonly #lent: (() => void)[] = [];

  /**
   * @param reading - where the socket reads, if that is memory which it shares with others
   * @param turns - of the connections of a server
   */
  constructor(socket: Socket, peer: Peer, reading?: SharedReading, turns?: ReadTurns) {
    this.#socket = socket;
    this.#reading = reading;
    this.#turns = turns;
    this.#isTls = socket instanceof TLSSocket;
    // TLS says late that it has taken something: to wait for that costs more than the copy that is made without it.
    if (!this.#isTls) this.whenTaken = (run) => this.#runWhenTaken(run);
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

  /** Who dialled: all connections of one host have their turns together. */
  get host(): string {
    return this.#socket.remoteAddress ?? 'unix';
  }

  /** Its turn to be read from has come. */
  go(): boolean {
    this.#awaitsTurn = false;
    if (this.#isPaused || this.#socket.destroyed) return false;
    this.#socket.resume();
    return true;
  }

  start(receiver: ByteReceiver): void {
    const socket = this.#socket;
    // It was lost before it had a receiver: no event will come.
    if (socket.closed) return queueMicrotask(() => receiver.closed(this.#failure));
    const isFirst = this.#receiver === undefined;
    this.#receiver = receiver;
    if (!isFirst) return;
    const receive = (bytes: Buffer): void => this.#receiver?.data(bytes);
    const turns = this.#turns;
    if (turns !== undefined)
      socket.on('data', (bytes) => {
        if (!turns.read(bytes, receive, this)) return;
        this.#awaitsTurn = true;
        socket.pause();
      });
    else if (this.#reading === undefined) socket.on('data', receive);
    else {
      this.#reading.start(receive);
      socket.resume();
    }
    socket.on('drain', () => {
      this.#takeBack();
      this.#receiver?.drained();
    });
    socket.on('end', () => this.#receiver?.ended());
    socket.on('close', () => {
      this.#giveBack();
      this.#receiver?.closed(this.#failure);
    });
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
    this.#takeBack();
    socket.write(bytes);
    return this.#isWritten(memory as T, release);
  }

  writeAll<T>(parts: readonly Buffer[], memory?: T, release?: (memory: T) => void): boolean {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return true;
    this.#takeBack();
    // Corked, they go to the kernel in one call.
    socket.cork();
    const isTold = this.#isTls && release !== undefined;
    for (let i = 0; i < parts.length; i++) {
      if (isTold && i === parts.length - 1) socket.write(parts[i]!, () => release(memory as T));
      else socket.write(parts[i]!);
    }
    socket.uncork();
    return isTold ? false : this.#isWritten(memory as T, release);
  }

  #runWhenTaken(run: () => void): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableLength === 0) run();
    // Nothing can be added, and no event tells that the rest was written before it is over.
    else if (socket.writableEnded) this.#lent.push(run);
    // Others may add to the queue without end, so its end is not waited for, but the end of what is in it.
    else socket.write(NOTHING, () => run());
  }

  get queuedBytes(): number {
    this.#takeBack();
    return this.#socket.writableLength;
  }

  /** Nothing queued right after a write means that libuv has handed all of it to the kernel. */
  #isWritten<T>(memory: T, release: ((memory: T) => void) | undefined): boolean {
    if (this.#socket.writableLength === 0) return true;
    if (release !== undefined) this.#lent.push(() => release(memory));
    return false;
  }

  /** Gives memory back that was lent to a plain socket, when it has written all. */
  #takeBack(): void {
    if (this.#lent.length > 0 && this.#socket.writableLength === 0) this.#giveBack();
  }

  #giveBack(): void {
    for (const giveBack of this.#lent.splice(0)) giveBack();
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#awaitsTurn) this.#socket.resume();
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
