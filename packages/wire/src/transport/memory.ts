import { AsyncLocalStorage } from 'node:async_hooks';
import type { ByteReceiver, ByteStream } from './byte-stream.js';

/**
 * Two ends of a stream inside one process: what one writes, the other receives in a later microtask. For calls without a
 * socket, and for tests.
 */
export function memoryPair(): [ByteStream, ByteStream] {
  const a = new MemoryStream('memory:client');
  const b = new MemoryStream('memory:server');
  a.connect(b);
  b.connect(a);
  return [a, b];
}

/**
 * Runs where no call is being served, as what comes by a socket does: else the handler of a call would see the async context of its caller,
 * and a caller that of a handler.
 */
const apart: (run: () => void) => void = AsyncLocalStorage.snapshot();

class MemoryStream implements ByteStream {
  readonly peer: { readonly address: string };
  #other!: MemoryStream;
  #receiver: ByteReceiver | undefined;
  readonly #inbox: (Buffer | 'end')[] = [];
  #inboxBytes = 0;
  #paused = false;
  #scheduled = false;
  #ended = false;
  #otherEnded = false;
  #closed = false;

  constructor(peerAddress: string) {
    this.peer = { address: peerAddress };
  }

  connect(other: MemoryStream): void {
    this.#other = other;
  }

  start(receiver: ByteReceiver): void {
    this.#receiver = receiver;
    this.#schedule();
  }

  write(bytes: Buffer): boolean {
    if (!this.#ended && !this.#closed) this.#other.#receive(Buffer.from(bytes));
    return true;
  }

  get queuedBytes(): number {
    return this.#other.#inboxBytes;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.#other.#receive('end');
    if (this.#otherEnded) queueMicrotask(() => this.#close(undefined));
  }

  destroy(): void {
    if (this.#closed) return;
    this.#close(undefined);
    const other = this.#other;
    queueMicrotask(() => other.#close(other.#ended ? undefined : new Error('the other end was closed')));
  }

  #receive(item: Buffer | 'end'): void {
    if (this.#closed) return;
    this.#inbox.push(item);
    if (item !== 'end') this.#inboxBytes += item.length;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || this.#receiver === undefined || this.#inbox.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => apart(this.#deliver));
  }

  readonly #deliver = (): void => {
    this.#scheduled = false;
    while (this.#inbox.length > 0 && !this.#paused && !this.#closed) {
      const item = this.#inbox.shift()!;
      if (item === 'end') {
        this.#otherEnded = true;
        this.#receiver!.ended();
        // Both directions have ended: like a socket it closes by itself, and the other end does when it has read everything.
        if (this.#ended) this.#close(undefined);
      } else {
        this.#inboxBytes -= item.length;
        this.#receiver!.data(item);
        if (this.#inboxBytes === 0) this.#other.#receiver?.drained();
      }
    }
  };

  #close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
    this.#receiver?.closed(error);
  }
}
