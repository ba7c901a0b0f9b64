import { ProtocolError } from '../../frames/frame.js';
import { CREDIT_MAX } from '../../frames/stream-frames.js';

/**
 * How many bytes of message pieces may still be sent: unbounded unless the peer has announced that it grants credit. Without credit a
 * sender fills the buffers of both systems, which hold megabytes, and each small message waits behind them.
 */
export class PieceCredit {
  #balance = Number.POSITIVE_INFINITY;
  #sentBytes = 0;
  #grantsDue = 0;

  /** Whether a piece may go out. */
  get isOpen(): boolean {
    return this.#balance > 0;
  }

  /** A piece of `bytes` goes out; the last piece may take more credit than is left. */
  take(bytes: number): void {
    this.#balance -= bytes;
    this.#sentBytes += bytes;
    this.#grantsDue++;
  }

  /** The peer's HELLO has come: bytes sent before it count too. */
  greeted(window: number | undefined): void {
    if (window !== undefined) this.#balance = window - this.#sentBytes;
  }

  /**
   * The peer grants `bytes` more. Returns whether a piece was sent since its last grant.
   * @throws ProtocolError when the balance overflows
   */
  granted(bytes: number): boolean {
    if (Number.isFinite(this.#balance) && this.#balance + bytes > CREDIT_MAX)
      throw new ProtocolError(`a PIECE_CREDIT of ${bytes} bytes makes more than ${CREDIT_MAX}`);
    this.#balance += bytes;
    if (this.#grantsDue === 0) return false;
    this.#grantsDue--;
    return true;
  }
}
