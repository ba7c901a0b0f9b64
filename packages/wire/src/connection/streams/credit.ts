import { GoAwayCode, ProtocolError } from '../../frames/frame.js';
import { CREDIT_MAX } from '../../frames/stream-frames.js';

/**
 * How many bytes may still be sent. An item may go out while the balance is above 0, even if it takes the balance below 0: otherwise
 * an item larger than the whole window could never be sent.
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

/** How many grants there are for as many bytes as the window has, where items are small. */
const GRANTS_PER_WINDOW = 4;

/** Options of a {@link ReceiveCredit}. */
export interface ReceiveCreditOptions {
  /** How large the window may become for a reader that keeps up (default: as large as it is at first). */
  readonly windowMax?: number;
  /** How far below 0 the balance may be when an item comes, where items overtake each other after taking credit (default 0). */
  readonly slack?: number;
}

/**
 * How many bytes the peer may still send, and how many have been taken since the last grant.
 *
 * The window grows while the reader keeps up: with more under way, neither side waits for the other when that has a pause, such as a garbage
 * collection, another process on its core or a long line. A reader that has fallen behind gets back what it had at first.
 */
export class ReceiveCredit {
  readonly #windowMin: number;
  readonly #windowMax: number;
  readonly #slack: number;
  #window: number;
  #balance: number;
  #taken = 0;
  /** Bytes that were granted back before their items were taken. */
  #lent = 0;
  /** Bytes by which the window has shrunk and that are not granted again. */
  #withheld = 0;
  /** How many grants in a row found that the reader keeps up. */
  #keptUp = 0;

  /** @param window - how many bytes the peer may send at first */
  constructor(window: number, { windowMax = window, slack = 0 }: ReceiveCreditOptions = {}) {
    this.#windowMin = window;
    this.#windowMax = windowMax;
    this.#slack = slack;
    this.#window = window;
    this.#balance = window;
  }

  /** An item has come. @throws ProtocolError when credit did not cover it */
  receive(cost: number, what: string): void {
    if (this.#balance + this.#slack <= 0)
      throw new ProtocolError(`an ITEM beyond the credit of ${this.#window} bytes of ${what}`, GoAwayCode.LIMIT);
    this.#balance -= cost;
  }

  /**
   * An item that takes the window below a quarter is granted back at once, before it is taken, so that items which one reader does not take
   * hold up no other reader. The items taken next pay the loan back.
   * @param max - how much may be lent in total: with the window, this bounds how much can wait here
   * @returns what to grant now
   */
  lend(cost: number, max: number): number {
    if (4 * this.#balance >= this.#window || this.#lent + cost > max) return 0;
    this.#lent += cost;
    this.#balance += cost;
    return cost;
  }

  /**
   * An item was taken. Returns how many bytes to grant now: none before a quarter of the window, so that grants stay rare. Each comes while the
   * sender has up to three quarters left; with a half, both ends of a fast line took turns.
   * @param isEarly - whether half of that is enough (default false)
   */
  taken(cost: number, isEarly = false): number {
    const repaid = Math.min(this.#lent, cost);
    this.#lent -= repaid;
    this.#taken += cost - repaid;
    if ((isEarly ? 2 : 1) * GRANTS_PER_WINDOW * this.#taken < this.#window) return 0;
    const taken = this.#taken;
    this.#taken = 0;
    const grant = this.#windowMax === this.#windowMin ? taken : this.#resized(taken);
    this.#balance += grant;
    return grant;
  }

  /** What to grant for what was taken, after a look at whether the reader keeps up. */
  #resized(taken: number): number {
    const waiting = this.#window + this.#withheld - this.#balance - taken;
    let grant = taken;
    if (2 * waiting > this.#window) {
      this.#withheld += this.#window - this.#windowMin;
      this.#window = this.#windowMin;
    }
    // What came with the item just taken may still wait, although its reader is fast.
    if (4 * waiting > this.#window) this.#keptUp = 0;
    else if (++this.#keptUp >= GRANTS_PER_WINDOW && this.#window < this.#windowMax) {
      this.#keptUp = 0;
      const window = Math.min(2 * this.#window, this.#windowMax);
      grant += window - this.#window;
      this.#window = window;
    }
    const withheld = Math.min(this.#withheld, grant);
    this.#withheld -= withheld;
    return grant - withheld;
  }
}
