import type { ItemReceiver, ItemSender } from '@org/rpc-core';
import { isPromise } from '@org/rpc-core/internal';

/**
 * Items that have come and wait to be taken, as an async iterator. The sender's credit bounds its length: each item taken is reported to
 * `onTaken`, which grants more. An error or the end comes after every earlier item.
 */
export class ItemQueue implements ItemReceiver, AsyncIterableIterator<unknown> {
  onTaken: (cost: number) => void = () => {};
  /** Runs once when the reader has had enough before the end. */
  onStopped: () => void = () => {};
  /** Runs when an item cannot be read; its reader gets the error. */
  onBroken: (error: unknown) => void = () => {};
  #values: unknown[] = [];
  /** The cost of each item; negative if its value is a function that opens it. Two lists take a third of the memory of a list of objects. */
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

  /** Keeps the item undecoded: the credit counts its bytes, and the decoded value may be much larger. */
  pushClosed(open: () => unknown, cost: number): void {
    if (this.#end !== undefined) return this.onTaken(cost);
    const reader = this.#readers.shift();
    if (reader === undefined) {
      this.#values.push(open);
      this.#costs.push(-cost);
      return;
    }
    const result = this.#opened(open);
    if (isPromise(result)) result.then(reader.resolve, reader.reject);
    else reader.resolve(result);
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

  /** Drops the items that wait. Later items still wait to be taken. */
  discard(): void {
    if (this.size === 0) return;
    const dropped = this.#costs.slice(this.#head);
    this.#head = this.#values.length;
    this.#forget();
    for (const cost of dropped) this.onTaken(Math.abs(cost));
  }

  /** The stream was given up for this reason: readers get the error at once, even if the end has come and earlier items wait. */
  cut(error: unknown): void {
    if (this.#end === 'over' || (this.#end === 'end' && this.size === 0)) return;
    this.discard();
    if (this.#end === undefined) this.fail(error);
    else this.#end = { error };
  }

  /** Takes the oldest item that waits; a promise if it cannot be read, or not at once. `undefined` when none waits. */
  takeNow(): IteratorResult<unknown> | Promise<IteratorResult<unknown>> | undefined {
    if (this.#head === this.#values.length) return undefined;
    const value = this.#values[this.#head];
    const cost = this.#costs[this.#head]!;
    this.#values[this.#head++] = undefined;
    // A copy moves at most half of the list, and comes only after as many items were taken.
    if (this.#head === this.#values.length || (this.#head > 1024 && 2 * this.#head > this.#values.length))
      this.#forget();
    // Open the item before reporting it as taken: the report drops what is left of it.
    const result = cost < 0 ? this.#opened(value as () => unknown) : { done: false, value };
    this.onTaken(Math.abs(cost));
    return result;
  }

  next(): Promise<IteratorResult<unknown>> {
    const now = this.takeNow();
    if (now !== undefined) return isPromise(now) ? now : Promise.resolve(now);
    const end = this.#end;
    if (end === undefined) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    this.#end = 'over';
    return typeof end === 'object' ? Promise.reject(end.error) : Promise.resolve(DONE);
  }

  /** Drops the items that wait and all later ones. */
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

  /** Releases the items that were taken. */
  #forget(): void {
    this.#values = this.#values.slice(this.#head);
    this.#costs = this.#costs.slice(this.#head);
    this.#head = 0;
  }

  #opened(open: () => unknown): IteratorResult<unknown> | Promise<IteratorResult<unknown>> {
    let value: unknown;
    try {
      value = open();
    } catch (error) {
      return this.#broken(error);
    }
    if (!isPromise(value)) return { done: false, value };
    return value.then(
      (opened) => ({ done: false, value: opened }),
      (error) => this.#broken(error),
    );
  }

  /** An item that cannot be read ends the stream for its reader, who could not tell which item is missing. */
  #broken(error: unknown): Promise<never> {
    this.onBroken(error);
    void this.return();
    return Promise.reject(error);
  }
}

const DONE: IteratorResult<unknown> = Object.freeze({ done: true, value: undefined });

/** The items of a streaming call on the server: those that come in, and the way out. */
export interface ServedStream {
  readonly received: ItemQueue;
  readonly sender: ItemSender;
}

/** Makes the queue for a caller's items, and the way out. */
export function createServedStream(open: (received: ItemQueue) => ItemSender): ServedStream {
  const received = new ItemQueue();
  return { received, sender: open(received) };
}
