/** Where items arrive. */
export interface ItemReceiver {
  /** Whether somebody waits for an item: the next one is taken when it comes. */
  readonly isAwaited: boolean;
  /** An item has come; `cost` must be given to `onTaken` when the item is taken. */
  push(value: unknown, cost: number): void;
  /**
   * The same for an item that is not decoded yet: `open` decodes it when it is taken, and throws or rejects when it cannot.
   */
  pushClosed(open: () => unknown, cost: number): void;
  /** No more items will come. */
  end(): void;
  /** No more items will come. The reader gets the error after the items that came before. */
  fail(error: unknown): void;
  /** Called with the cost of every item that was taken or dropped. */
  onTaken: (cost: number) => void;
}

/** Sends the items of one stream. */
export interface ItemSender {
  /** Whether nothing can be sent any more. */
  readonly isClosed: boolean;
  /** `undefined` when an item may be sent now; otherwise a promise that resolves when one may, or when the sender is closed. */
  untilOpen(): Promise<void> | undefined;
  /**
   * `undefined` when the memory of the item sent last may be used again; otherwise a promise that resolves when it may. Until then `untilOpen`
   * waits, too.
   */
  untilFree(): Promise<void> | undefined;
  /**
   * Sends one item, and may read from its memory until `untilFree` says otherwise. When this returns a promise, the next item may be sent
   * after it has settled.
   * @throws RpcError when it cannot be encoded or is too large
   */
  send(value: unknown): void | Promise<void>;
  /** No more items will come. */
  end(): void;
  /** Nobody wants more items: a wait for `untilOpen` ends. */
  close(): void;
}
