import { GoAwayCode, ProtocolError } from '../../frames/frame.js';
import { CREDIT_MAX } from '../../frames/stream-frames.js';

/**
 * What may still be sent. An item may go out while the balance is above 0 and takes it below: an item can be larger than the
 * whole window, and would never be sent otherwise.
 */
export class SendCredit {
  #balance: number;

  constructor(bytes: number) {
    this.#balance = bytes;
  }

  get isOpen(): boolean {
    return this.#balance > 0;
  }

  take(cost: number): void {
    this.#balance -= cost;
  }

  /** @throws ProtocolError when the balance overflows */
  grant(bytes: number): void {
    if (this.#balance + bytes > CREDIT_MAX)
      throw new ProtocolError(`a CREDIT of ${bytes} bytes makes more than ${CREDIT_MAX}`);
    this.#balance += bytes;
  }
}

/** What the peer may still send, and what has been taken since it was last told. */
export class ReceiveCredit {
  readonly #window: number;
  readonly #slack: number;
  #balance: number;
  #taken = 0;

  /** @param slack - how far below 0 an item may still come, where items do not come in the order in which they took credit */
  constructor(window: number, slack = 0) {
    this.#window = window;
    this.#slack = slack;
    this.#balance = window;
  }

  /** An item has come. @throws ProtocolError when it was not covered */
  receive(cost: number, what: string): void {
    if (this.#balance + this.#slack <= 0)
      throw new ProtocolError(`an ITEM beyond the credit of ${this.#window} bytes of ${what}`, GoAwayCode.LIMIT);
    this.#balance -= cost;
  }

  /** An item was taken. Returns what to grant now: nothing before half a window, so that grants stay rare. */
  taken(cost: number): number {
    this.#taken += cost;
    if (2 * this.#taken < this.#window) return 0;
    const grant = this.#taken;
    this.#taken = 0;
    this.#balance += grant;
    return grant;
  }
}
