import type { ItemSender } from '@org/rpc-core';
import { SendCredit } from './credit.js';

/** What a sender needs from its connection. */
export interface SenderPort {
  /** Whether the connection takes an item now. */
  mayWrite(): boolean;
  wait(sender: StreamSender): void;
  /** Returns the cost of the item, or its frame, to be appended later, when it is compressed outside the output. */
  write(sender: StreamSender, value: unknown): number | Promise<Buffer>;
  /** The memory of an item was given back: the sender may go on. */
  freed(sender: StreamSender): void;
  /** Returns the cost of the item. */
  append(id: number, frame: Buffer): number;
  end(id: number): void;
}

/** The way out of one stream: sends while it has credit, and waits while it has none. */
export class StreamSender implements ItemSender {
  readonly credit: SendCredit;
  isClosed = false;
  /** Whether the memory of the item sent last is still read from. */
  isLent = false;
  readonly id: number;
  readonly #port: SenderPort;
  #onOpen: (() => void) | undefined;
  #onFree: (() => void) | undefined;

  constructor(id: number, credit: number, port: SenderPort) {
    this.id = id;
    this.credit = new SendCredit(credit);
    this.#port = port;
  }

  /** Whether an item may be sent as far as this stream is concerned. */
  get isReady(): boolean {
    return !this.isLent && this.credit.isOpen;
  }

  untilOpen(): Promise<void> | undefined {
    if (this.isClosed || (this.isReady && this.#port.mayWrite())) return undefined;
    return new Promise((resolve) => {
      this.#onOpen = resolve;
      this.#port.wait(this);
    });
  }

  untilFree(): Promise<void> | undefined {
    if (!this.isLent) return undefined;
    return new Promise((resolve) => {
      const before = this.#onFree;
      this.#onFree = () => {
        before?.();
        resolve();
      };
    });
  }

  /** Nothing reads from the item any more. */
  readonly free = (): void => {
    this.isLent = false;
    const onFree = this.#onFree;
    this.#onFree = undefined;
    onFree?.();
    this.#port.freed(this);
  };

  send(value: unknown): void | Promise<void> {
    const cost = this.#port.write(this, value);
    if (typeof cost !== 'number') return this.#append(cost);
    this.credit.take(cost);
  }

  async #append(compressing: Promise<Buffer>): Promise<void> {
    const frame = await compressing;
    // Meanwhile other streams may have used up the credit of the connection.
    for (let open = this.untilOpen(); open !== undefined; open = this.untilOpen()) await open;
    if (!this.isClosed) this.credit.take(this.#port.append(this.id, frame));
  }

  end(): void {
    if (!this.isClosed) this.#port.end(this.id);
  }

  wake(): void {
    const onOpen = this.#onOpen;
    this.#onOpen = undefined;
    onOpen?.();
  }

  close(): void {
    this.isClosed = true;
    this.wake();
  }
}
