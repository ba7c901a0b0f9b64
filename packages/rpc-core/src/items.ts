/** Where items arrive. */
export interface ItemReceiver {
  /** An item has come; `cost` is to be given back to `onTaken` when somebody takes it. */
  push(value: unknown, cost: number): void;
  /** The same for an item that is still as it came: `open` reads it when somebody takes it, and throws or rejects when it cannot. */
  pushClosed(open: () => unknown, cost: number): void;
  /** No more items will come. */
  end(): void;
  /** No more items will come, for this reason: whoever reads them gets it after those that have come. */
  fail(error: unknown): void;
  /** Told of the cost of every item that was taken or dropped. */
  onTaken: (cost: number) => void;
}

/** The way of items out of this process. */
export interface ItemSender {
  /** Whether nothing can be sent any more. */
  readonly isClosed: boolean;
  /** `undefined` when an item may be sent now; else resolves when it may, or when the sender is closed. */
  untilOpen(): Promise<void> | undefined;
  /**
   * Sends one item. With a promise, the next one may be sent when that has settled.
   * @throws RpcError when it cannot be encoded or is too large
   */
  send(value: unknown): void | Promise<void>;
  /** No more items will come. */
  end(): void;
  /** Nobody wants any more: those who wait for it to open go on. */
  close(): void;
}
