import type { OnReadOpts } from 'node:net';

/** As much as one read of a socket brings at most. */
const READ_BYTES = 64 * 1024;

/** What all sockets of the process read into that were given it: each looks at what it has read before another one reads. */
const MEMORY: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Lets a socket that is being dialled read into memory that it shares with all others, in place of 64 KiB of fresh memory for each read.
 * What comes before anybody receives it is kept, and nothing more is read until then.
 */
export class SharedReading {
  /** The option `onread` of `connect`. */
  readonly onread: OnReadOpts = {
    buffer: MEMORY,
    callback: (count, memory) => this.#read((memory as Buffer).subarray(0, count)),
  };
  #receive: ((bytes: Buffer) => void) | undefined;
  #early: Buffer | undefined;

  /** Sets the receiver; bytes are borrowed until it returns, and never come within this call. */
  start(receive: (bytes: Buffer) => void): void {
    const early = this.#early;
    this.#early = undefined;
    this.#receive = receive;
    if (early !== undefined) queueMicrotask(() => receive(early));
  }

  /** Returns whether to read on. */
  #read(bytes: Buffer): boolean {
    if (this.#receive !== undefined) {
      this.#receive(bytes);
      return true;
    }
    this.#early = this.#early === undefined ? Buffer.from(bytes) : Buffer.concat([this.#early, bytes]);
    return false;
  }
}
