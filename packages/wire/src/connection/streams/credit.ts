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
  /** What was granted of what nobody has taken yet. */
  #lent = 0;

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

  /**
   * An item has come that takes the window below a quarter: it is granted back at once, ahead of being taken, so that what one reader
   * leaves lying keeps nothing from the others. What is taken next pays for it.
   * @param max - how much may be lent in all: with the window, it bounds what can lie here
   * @returns what to grant now
   */
  lend(cost: number, max: number): number {
    if (4 * this.#balance >= this.#window || this.#lent + cost > max) return 0;
    this.#lent += cost;
    this.#balance += cost;
    return cost;
  }

  /** An item was taken. Returns what to grant now: nothing before half a window, so that grants stay rare. */
  taken(cost: number): number {
    const repaid = Math.min(this.#lent, cost);
    this.#lent -= repaid;
    this.#taken += cost - repaid;
    if (2 * this.#taken < this.#window) return 0;
    const grant = this.#taken;
    this.#taken = 0;
    this.#balance += grant;
    return grant;
  }
}
