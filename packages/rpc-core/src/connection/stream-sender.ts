import type { ItemSender } from '../items.js';
import { SendCredit } from './credit.js';

/** What a sender needs of its connection. */
export interface SenderPort {
  /** Whether the connection takes an item now. */
  mayWrite(): boolean;
  wait(sender: StreamSender): void;
  /** Returns what the item cost. */
  write(id: number, value: unknown): number;
  end(id: number): void;
}

/** The way out of one stream: sends while there is credit, and waits while there is none. */
export class StreamSender implements ItemSender {
  readonly credit: SendCredit;
  isClosed = false;
  readonly #id: number;
  readonly #port: SenderPort;
  #onOpen: (() => void) | undefined;

  constructor(id: number, credit: number, port: SenderPort) {
    this.#id = id;
    this.credit = new SendCredit(credit);
    this.#port = port;
  }

  untilOpen(): Promise<void> | undefined {
    if (this.isClosed || (this.credit.isOpen && this.#port.mayWrite())) return undefined;
    return new Promise((resolve) => {
      this.#onOpen = resolve;
      this.#port.wait(this);
    });
  }

  send(value: unknown): void {
    this.credit.take(this.#port.write(this.#id, value));
  }

  end(): void {
    if (!this.isClosed) this.#port.end(this.#id);
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
