import type { Socket } from 'node:net';
import type { Cancel, Clock } from '@org/rpc-core';

/** So many connections may wait for their turn. */
const WAITING_MAX = 1_000;

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
  readonly #perSecond: number;
  readonly #intervalMs: number;
  readonly #burstMs: number;
  readonly #tell: (error: Error) => void;
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
   */
  constructor(clock: Clock, perSecond: number, tell: (error: Error) => void) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#intervalMs = 1_000 / perSecond;
    this.#burstMs = Math.max(BURST_MS, this.#intervalMs) - this.#intervalMs;
    this.#tell = tell;
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
    if (this.#size >= WAITING_MAX && !this.#makeRoom(line?.length ?? 0)) return this.#drop(socket);
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
    socket.resume();
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
        const more = `more than ${this.#perSecond} a second came, and ${WAITING_MAX} waited (limits.connectionsPerSecond)`;
        this.#tell(new Error(`dropped ${this.#dropped} connections within a second: ${more}`));
        this.#dropped = 0;
      },
      true,
    );
  }
}
