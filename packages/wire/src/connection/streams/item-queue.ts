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
  #values: unknown[] = [];
  /** By item, what it costs; below 0 where the value is what opens it. Two lists take a third of what a list of objects does. */
  #costs: number[] = [];
  #head = 0;
  #end: { readonly error: unknown } | 'end' | 'over' | undefined;
  readonly #readers: { resolve(result: IteratorResult<unknown>): void; reject(error: unknown): void }[] = [];

  /** How many items wait. */
  get size(): number {
    return this.#values.length - this.#head;
  }

  /** Whether somebody waits for an item. */
  get isAwaited(): boolean {
    return this.#readers.length > 0;
  }

  push(value: unknown, cost: number): void {
    if (this.#end !== undefined) return this.onTaken(cost);
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#values.push(value);
      this.#costs.push(cost);
      return;
    }
    reader.resolve({ done: false, value });
    this.onTaken(cost);
  }

  /** What waits stays as it came: the credit counts those bytes, and much more may come out of them. */
  pushClosed(open: () => unknown, cost: number): void {
    if (this.#end !== undefined) return this.onTaken(cost);
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#values.push(open);
      this.#costs.push(-cost);
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

  /** Drops what waits: nobody is to get it any more. What comes still waits. */
  discard(): void {
    if (this.size === 0) return;
    const dropped = this.#costs.slice(this.#head);
    this.#head = this.#values.length;
    this.#forget();
    for (const cost of dropped) this.onTaken(Math.abs(cost));
  }

  /** It was given up, for this reason: whoever asks for an item gets that at once, also when the end has come and items before it wait. */
  cut(error: unknown): void {
    if (this.#end === 'over' || (this.#end === 'end' && this.size === 0)) return;
    this.discard();
    if (this.#end === undefined) this.fail(error);
    else this.#end = { error };
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#head < this.#values.length) {
      const value = this.#values[this.#head];
      const cost = this.#costs[this.#head]!;
      this.#values[this.#head++] = undefined;
      // Half of the list is copied at most once for as many items as it has.
      if (this.#head === this.#values.length || (this.#head > 1024 && 2 * this.#head > this.#values.length))
        this.#forget();
      // It is opened before it counts as taken: then what is left of it goes.
      const result = cost < 0 ? this.#opened(value as () => unknown) : Promise.resolve({ done: false, value });
      this.onTaken(Math.abs(cost));
      return result;
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
    this.discard();
    for (const reader of this.#readers.splice(0)) reader.resolve(DONE);
    if (wasOpen) this.onStopped();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Lets go of what was taken. */
  #forget(): void {
    this.#values = this.#values.slice(this.#head);
    this.#costs = this.#costs.slice(this.#head);
    this.#head = 0;
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
