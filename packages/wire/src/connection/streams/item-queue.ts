import type { ItemReceiver, ItemSender } from '@org/rpc-core';

/**
 * Items that have come and wait to be taken, as an async iterator. Its length is bounded by the credit that the sender has:
 * what is taken is reported to `onTaken`, which grants more. An error or the end comes after all items before it.
 */
export class ItemQueue implements ItemReceiver, AsyncIterableIterator<unknown> {
  onTaken: (cost: number) => void = () => {};
  /** Runs once when the reader has had enough before the end. */
  onStopped: () => void = () => {};
  /** Runs when an item cannot be read; its reader gets the error. */
  onBroken: (error: unknown) => void = () => {};
  #items: { readonly value: unknown; readonly cost: number; readonly isClosed: boolean }[] = [];
  #head = 0;
  #end: { readonly error: unknown } | 'end' | 'over' | undefined;
  readonly #readers: { resolve(result: IteratorResult<unknown>): void; reject(error: unknown): void }[] = [];

  /** How many items wait. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Whether somebody waits for an item. */
  get isAwaited(): boolean {
    return this.#readers.length > 0;
  }

  push(value: unknown, cost: number): void {
    if (this.#end !== undefined) return this.onTaken(cost);
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#items.push({ value, cost, isClosed: false });
      return;
    }
    reader.resolve({ done: false, value });
    this.onTaken(cost);
  }

  /** What waits stays compressed: the credit counts those bytes, and a thousand times as many may come out of them. */
  pushClosed(open: () => unknown, cost: number): void {
    if (this.#end !== undefined) return this.onTaken(cost);
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#items.push({ value: open, cost, isClosed: true });
      return;
    }
    this.#opened(open).then(reader.resolve, reader.reject);
    this.onTaken(cost);
  }

  /** No more items will come. */
  end(): void {
    if (this.#end !== undefined) return;
    this.#end = 'end';
    for (const reader of this.#readers.splice(0)) reader.resolve(DONE);
  }

  /** No more items will come, for this reason. */
  fail(error: unknown): void {
    if (this.#end !== undefined) return;
    const reader = this.#readers.shift();
    this.#end = reader === undefined ? { error } : 'over';
    reader?.reject(error);
    for (const other of this.#readers.splice(0)) other.resolve(DONE);
  }

  next(): Promise<IteratorResult<unknown>> {
    const item = this.#items[this.#head];
    if (item !== undefined) {
      this.#items[this.#head++] = undefined as never;
      if (this.#head === this.#items.length || this.#head > 1024) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
      this.onTaken(item.cost);
      if (item.isClosed) return this.#opened(item.value as () => unknown);
      return Promise.resolve({ done: false, value: item.value });
    }
    const end = this.#end;
    if (end === undefined) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    this.#end = 'over';
    return typeof end === 'object' ? Promise.reject(end.error) : Promise.resolve(DONE);
  }

  /** Drops what waits and what will come. */
  return(): Promise<IteratorResult<unknown>> {
    const wasOpen = this.#end === undefined;
    this.#end = 'over';
    const dropped = this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    for (const { cost } of dropped) this.onTaken(cost);
    for (const reader of this.#readers.splice(0)) reader.resolve(DONE);
    if (wasOpen) this.onStopped();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** An item that cannot be read is the end for its reader: nobody could tell which one is missing. */
  async #opened(open: () => unknown): Promise<IteratorResult<unknown>> {
    try {
      return { done: false, value: await open() };
    } catch (error) {
      this.onBroken(error);
      void this.return();
      throw error;
    }
  }
}

const DONE: IteratorResult<unknown> = Object.freeze({ done: true, value: undefined });

/** What the server's end of a streaming call has beside the call: the items that come in and the way out. */
export interface ServedStream {
  readonly received: ItemQueue;
  readonly sender: ItemSender;
}

/** A new queue for what a caller sends. */
export function createServedStream(open: (received: ItemQueue) => ItemSender): ServedStream {
  const received = new ItemQueue();
  return { received, sender: open(received) };
}
