import type { Socket } from 'node:net';
import type { Cancel, Clock } from '@org/rpc-core';
import type { HandshakeCost } from './handshake-cost.js';

/** So many connections may wait for their turn. */
const WAITING_MAX = 1_000;

/** Where each takes long, so many as have their turn within this, in milliseconds: clients give up after `handshakeMs`, and would be served in vain. */
const WAITING_MS_MAX = 4_000;

/** What came in so many milliseconds may begin at once. */
const BURST_MS = 20;

/** How often it is said that connections were refused, in milliseconds. */
const TELL_MS = 1_000;

interface Waiting {
  readonly socket: Socket;
  readonly take: (socket: Socket) => void;
}

/**
 * Lets so many new connections begin in a second. Each costs the process more than a call does, over TLS far more: a flood of them would take
 * its time from those who are there. Who comes too soon waits, unread, each host in turn; beyond a thousand that wait, one of the host with
 * the most of them is dropped.
 */
export class ConnectionPace {
  readonly #clock: Clock;
  readonly #ownIntervalMs: number;
  readonly #cost: HandshakeCost | undefined;
  readonly #burstMs: number;
  readonly #tell: (error: Error) => void;
  readonly #isUnread: boolean;
  /** Those that wait, by host; the host whose turn it is comes first. */
  readonly #waiting = new Map<string, Waiting[]>();
  #size = 0;
  /** When those that have begun would have come, had they kept the pace (GCRA, ITU-T I.371). */
  #arrivalAt = Number.NEGATIVE_INFINITY;
  #cancelTurn: Cancel | undefined;
  #dropped = 0;

  /**
   * @param perSecond - how many in the long run
   * @param tell - told once a second, while some are dropped, how many
   * @param cost - what each takes, where that may make the pace slower (default: nothing); then they begin one by one, and not in bursts
   * @param isUnread - whether they are read from the moment on when they begin (default); otherwise that is left to who takes them
   */
  constructor(clock: Clock, perSecond: number, tell: (error: Error) => void, cost?: HandshakeCost, isUnread = true) {
    this.#clock = clock;
    this.#ownIntervalMs = 1_000 / perSecond;
    this.#burstMs = cost === undefined ? Math.max(BURST_MS, this.#ownIntervalMs) - this.#ownIntervalMs : 0;
    this.#cost = cost;
    this.#isUnread = isUnread;
    this.#tell = tell;
  }

  get #intervalMs(): number {
    return this.#cost === undefined ? this.#ownIntervalMs : this.#cost.intervalMs;
  }

  get #waitingMax(): number {
    return this.#cost === undefined
      ? WAITING_MAX
      : Math.min(WAITING_MAX, Math.round(WAITING_MS_MAX / this.#intervalMs));
  }

  /** One was accepted. @param take - given it at once, or when it is its turn; not when it is dropped */
  enter(socket: Socket, take: (socket: Socket) => void): void {
    const now = this.#clock.now();
    if (this.#size === 0 && this.#begins(now)) return take(socket);
    socket.pause();
    // Whatever becomes of it: an `error` that nobody listens to ends the process.
    socket.on('error', () => {});
    const host = socket.remoteAddress ?? '';
    const line = this.#waiting.get(host);
    if (this.#size >= this.#waitingMax && !this.#makeRoom(line?.length ?? 0)) return this.#drop(socket);
    if (line === undefined) this.#waiting.set(host, [{ socket, take }]);
    else line.push({ socket, take });
    this.#size++;
    this.#awaitTurn(now);
  }

  /** Drops those that wait. */
  close(): void {
    this.#cancelTurn?.();
    for (const line of this.#waiting.values()) for (const { socket } of line) socket.destroy();
    this.#waiting.clear();
    this.#size = 0;
  }

  #begins(now: number): boolean {
    if (now < this.#arrivalAt - this.#burstMs) return false;
    this.#arrivalAt = Math.max(now, this.#arrivalAt) + this.#intervalMs;
    return true;
  }

  #awaitTurn(now: number): void {
    this.#cancelTurn ??= this.#clock.schedule(Math.max(1, this.#arrivalAt - this.#burstMs - now), () => {
      this.#cancelTurn = undefined;
      const then = this.#clock.now();
      while (this.#size > 0 && this.#begins(then)) this.#takeNext();
      if (this.#size > 0) this.#awaitTurn(then);
    });
  }

  #takeNext(): void {
    const [host, line] = this.#waiting.entries().next().value!;
    const { socket, take } = line.shift()!;
    this.#size--;
    this.#waiting.delete(host);
    if (line.length > 0) this.#waiting.set(host, line);
    // Its client may have given up.
    if (socket.destroyed) return;
    take(socket);
    if (this.#isUnread) socket.resume();
  }

  /** Drops the newest of the host that has the most. @returns false when that is the one that has come now, with so many already */
  #makeRoom(ofNewcomer: number): boolean {
    let longest: Waiting[] = [];
    for (const line of this.#waiting.values()) if (line.length > longest.length) longest = line;
    if (longest.length <= ofNewcomer + 1) return false;
    this.#size--;
    this.#drop(longest.pop()!.socket);
    return true;
  }

  #drop(socket: Socket): void {
    socket.destroy();
    if (this.#dropped++ > 0) return;
    this.#clock.schedule(
      TELL_MS,
      () => {
        const more = `more than ${Math.round(1_000 / this.#intervalMs)} a second came, and ${this.#waitingMax} waited (limits.connectionsPerSecond)`;
        this.#tell(new Error(`dropped ${this.#dropped} connections within a second: ${more}`));
        this.#dropped = 0;
      },
      true,
    );
  }
}
