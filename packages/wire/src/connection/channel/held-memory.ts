/** A connection may hold so much however many there are, or nobody could be served. */
const SHARE_MIN = 64 * 1024;

/** What one connection holds. */
export interface Holding {
  /** Bytes, as it has counted them. */
  readonly bytes: number;
  /** It holds so much more, or less. */
  add(bytes: number): void;
  /** Whether it may hold so much more. */
  hasRoom(bytes: number): boolean;
}

/**
 * What all connections of a server hold for their peers together: requests in flight, and what waits to be written. Each connection has bounds
 * of its own; many that are hostile would still fill the memory of a process that is small. Beyond the bound only those go on that hold less
 * than their equal share of it.
 */
export class HeldMemory {
  readonly #bytesMax: number;
  #connections = 0;
  #bytes = 0;

  /** @param bytesMax - `limits.heldBytes` */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Of all connections. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A connection has begun. */
  opened(): void {
    this.#connections++;
  }

  /** A connection has ended; what it holds still counts until it is given back. */
  closed(): void {
    this.#connections--;
  }

  /** Begins to count for one part of a connection. */
  holding(): Holding {
    return new Part(this);
  }

  /** One part holds so much more, or less. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Whether a part that holds `own` may hold so much more. */
  hasRoom(bytes: number, own: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax || own + bytes <= this.#share;
  }

  get #share(): number {
    return Math.max(SHARE_MIN, this.#bytesMax / Math.max(1, this.#connections));
  }
}

/** Two for each connection, so it is small: an object of functions would take ten times as much. */
class Part implements Holding {
  bytes = 0;
  readonly #memory: HeldMemory;

  constructor(memory: HeldMemory) {
    this.#memory = memory;
  }

  add(bytes: number): void {
    this.bytes += bytes;
    this.#memory.add(bytes);
  }

  hasRoom(bytes: number): boolean {
    return this.#memory.hasRoom(bytes, this.bytes);
  }
}
