import { connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to the bytes of one direction, in the order in which they came. Left out: they pass as they come. */
export interface Ills {
  /** They are taken, and nobody gets them. */
  readonly swallow?: boolean | undefined;
  /** The next chunk takes so many milliseconds longer. */
  readonly delayMs?: (() => number) | undefined;
  readonly bytesPerSecond?: number | undefined;
  /** Each byte comes by itself. */
  readonly slice?: boolean | undefined;
  /** After so many bytes of a connection it is reset, or ended in order, in the middle of whatever came. */
  readonly breakAfter?: { readonly bytes: () => number; readonly by: 'reset' | 'end' } | undefined;
}

/** Beyond so many bytes under way in one direction, no more are taken. */
const UNDER_WAY_MAX = 256 * 1024;

/** A line in this process between clients and one server, which can be made ill in either direction (as Toxiproxy does). */
export class IllLine {
  /** The port that it leads to; set once that is known. */
  target = 0;
  /** How many connections were made through it. */
  accepted = 0;
  #up: Ills = {};
  #down: Ills = {};
  readonly #server: Server;
  readonly #passages = new Set<Passage>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** Listens on a free port. */
  static async open(): Promise<IllLine> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new IllLine(server);
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** How many connections go through it now. */
  get open(): number {
    return this.#passages.size;
  }

  /** Makes both directions ill, connections that are there included. @param up - towards the server @param down - towards clients */
  set(up: Ills, down: Ills = up): void {
    this.#up = up;
    this.#down = down;
    for (const passage of this.#passages) passage.reconsider();
  }

  /** Resets every connection on both sides. */
  reset(): void {
    for (const passage of [...this.#passages]) passage.reset();
  }

  /** Ends one direction of every connection in order, as `socket.end()` of a peer does. */
  end(direction: 'up' | 'down'): void {
    for (const passage of this.#passages) passage.end(direction);
  }

  async close(): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    this.accepted++;
    const far = connect({ port: this.target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const passage = new Passage(
      near,
      far,
      () => this.#up,
      () => this.#down,
      () => this.#passages.delete(passage),
    );
    this.#passages.add(passage);
  }
}

/** One connection through a line. */
class Passage {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #up: Lane;
  readonly #down: Lane;

  constructor(near: Socket, far: Socket, up: () => Ills, down: () => Ills, closed: () => void) {
    this.#near = near;
    this.#far = far;
    this.#up = new Lane(near, far, up, () => this.reset());
    this.#down = new Lane(far, near, down, () => this.reset());
    for (const socket of [near, far]) {
      socket.on('error', () => this.reset());
      socket.on('close', () => near.destroyed && far.destroyed && closed());
    }
    // Who has gone in order, on one side, is gone on the other.
    near.on('close', () => this.#up.isSilent || far.end());
    far.on('close', () => this.#down.isSilent || near.end());
  }

  reconsider(): void {
    this.#up.reconsider();
    this.#down.reconsider();
    // Who did not hear that the other has gone finds out by what it sends next.
    if (this.#near.destroyed !== this.#far.destroyed && !this.#up.isSilent && !this.#down.isSilent) this.reset();
  }

  end(direction: 'up' | 'down'): void {
    (direction === 'up' ? this.#far : this.#near).end();
  }

  reset(): void {
    for (const socket of [this.#near, this.#far]) if (!socket.destroyed) socket.resetAndDestroy();
  }
}

/** One direction of a connection. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #ills: () => Ills;
  readonly #reset: () => void;
  readonly #waiting: { readonly dueAt: number; readonly bytes: Buffer }[] = [];
  #waitingBytes = 0;
  #freeAt = 0;
  #left: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isWriting = false;
  #hasEnded = false;

  constructor(from: Socket, to: Socket, ills: () => Ills, reset: () => void) {
    this.#from = from;
    this.#to = to;
    this.#ills = ills;
    this.#reset = reset;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => {
      this.#hasEnded = true;
      this.#give();
    });
    this.reconsider();
  }

  /** The line became ill in another way, or well. */
  reconsider(): void {
    const { breakAfter } = this.#ills();
    this.#left = breakAfter?.bytes();
  }

  /** Whether not even an end passes. */
  get isSilent(): boolean {
    return this.#ills().swallow === true;
  }

  #take(bytes: Buffer): void {
    const { swallow, delayMs, bytesPerSecond } = this.#ills();
    if (swallow) return;
    const now = performance.now();
    // In order: what comes later waits for what takes longer.
    const dueAt = Math.max(this.#freeAt, now + (delayMs?.() ?? 0));
    this.#freeAt = bytesPerSecond === undefined ? dueAt : dueAt + (bytes.length * 1_000) / bytesPerSecond;
    this.#waiting.push({ dueAt: this.#freeAt, bytes });
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > UNDER_WAY_MAX) this.#from.pause();
    this.#give();
  }

  #give(): void {
    if (this.#isWriting || this.#timer !== undefined) return;
    const next = this.#waiting[0];
    if (next === undefined) {
      if (this.#hasEnded && !this.isSilent) this.#to.end();
      return;
    }
    const inMs = next.dueAt - performance.now();
    if (inMs > 0.5) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#give();
      }, inMs);
      return;
    }
    this.#waiting.shift();
    this.#waitingBytes -= next.bytes.length;
    if (this.#from.isPaused() && this.#waitingBytes <= UNDER_WAY_MAX) this.#from.resume();
    this.#isWriting = true;
    this.#write(next.bytes, () => {
      this.#isWriting = false;
      this.#give();
    });
  }

  #write(bytes: Buffer, done: () => void): void {
    if (this.#to.destroyed) return;
    const { slice, breakAfter } = this.#ills();
    if (breakAfter !== undefined && this.#left !== undefined && bytes.length >= this.#left) {
      const part = bytes.subarray(0, this.#left);
      this.#left = undefined;
      if (breakAfter.by === 'reset') return void this.#to.write(part, this.#reset);
      this.#to.end(part);
      this.#from.resetAndDestroy();
      return;
    }
    if (this.#left !== undefined) this.#left -= bytes.length;
    const now = slice ? bytes.subarray(0, 1) : bytes;
    this.#to.write(now, () => (now.length === bytes.length ? done() : this.#write(bytes.subarray(1), done)));
  }
}
