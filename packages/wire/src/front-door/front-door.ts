import { createServer, type Socket } from 'node:net';
import type { Clock } from '@org/rpc-core';
import { bindServer } from '../transport/bind-server.js';
import type { Listener } from '../transport/byte-stream.js';
import { readAddressee } from './first-bytes.js';

/** A server of a worker. */
export interface Member {
  readonly instance: string;
  /** Takes over a connection, of which these bytes have been read. */
  take(socket: Socket, bytes: Buffer): void;
}

/** So many connections may be looked at at the same time; more are given to anybody at once. */
const LOOKED_AT_MAX = 1_000;

/** Each worker bounds its own. */
const CONNECTIONS_MAX = 1_000_000;

/**
 * An address that several processes share. Each connection goes to the instance that its client means, which it says in its greeting, or to each
 * in turn where the client means none.
 */
export class FrontDoor {
  readonly address: Listener['address'];
  readonly #clock: Clock;
  readonly #listener: Listener;
  readonly #looked = new Set<Socket>();
  #members: readonly Member[];
  #turn = 0;

  private constructor(listener: Listener, clock: Clock, members: readonly Member[]) {
    this.#listener = listener;
    this.#clock = clock;
    this.#members = members;
    this.address = listener.address;
  }

  /**
   * Listens.
   * @throws Error in words for people: address taken, permission denied
   */
  static async open(
    target: { readonly host: string; readonly port: number; readonly path: string | undefined },
    clock: Clock,
    onError: (error: Error) => void,
  ): Promise<FrontDoor> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    let door: FrontDoor | undefined;
    server.on('connection', (socket) => door?.enter(socket) ?? socket.destroy());
    const listener = await bindServer(server, { ...target, connectionsMax: CONNECTIONS_MAX }, onError);
    door = new FrontDoor(listener, clock, []);
    return door;
  }

  /** How many share it. */
  get size(): number {
    return this.#members.length;
  }

  add(member: Member): void {
    this.#members = [...this.#members, member];
  }

  delete(member: Member): void {
    this.#members = this.#members.filter((each) => each !== member);
  }

  /** Somebody has connected. */
  enter(socket: Socket): true {
    socket.on('error', () => {});
    if (this.#members.length < 2 || this.#looked.size >= LOOKED_AT_MAX) this.#give(socket, '', Buffer.alloc(0));
    else {
      this.#looked.add(socket);
      socket.once('close', () => this.#looked.delete(socket));
      readAddressee(socket, this.#clock, (instance, bytes) => {
        this.#looked.delete(socket);
        this.#give(socket, instance, bytes);
      });
    }
    return true;
  }

  /** Listens no more; who is being looked at is sent away. */
  close(): void {
    void this.#listener.close();
    for (const socket of this.#looked) socket.destroy();
  }

  #give(socket: Socket, instance: string, bytes: Buffer): void {
    const members = this.#members;
    // Who means one that is gone is told so by any other.
    const member =
      members.find((each) => instance !== '' && each.instance === instance) ?? members[this.#turn++ % members.length];
    if (member === undefined) socket.destroy();
    else member.take(socket, bytes);
  }
}
