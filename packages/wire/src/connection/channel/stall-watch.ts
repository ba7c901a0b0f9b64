/** Notices that a peer has stopped in the middle: of a frame that it sends, or of reading what it is sent. */
export class StallWatch {
  #framesSeen = -1;
  #insideSince = Number.POSITIVE_INFINITY;
  #fullSince = Number.POSITIVE_INFINITY;
  #takenSeen = 0;

  /** Whether more waits to be written than may. */
  get isFull(): boolean {
    return this.#fullSince !== Number.POSITIVE_INFINITY;
  }

  /** More waits to be written than may, since `now`. */
  full(takenBytes: number, now: number): void {
    this.#takenSeen = takenBytes;
    this.#fullSince = now;
  }

  /** The peer has read all of it. */
  drained(): void {
    this.#fullSince = Number.POSITIVE_INFINITY;
  }

  /** Whether the peer has read nothing for so long. `takenBytes` is what it has read in all: slow is not stalled. */
  isWriteStalled(takenBytes: number, now: number, stallMs: number): boolean {
    if (takenBytes > this.#takenSeen && this.isFull) this.#fullSince = now;
    this.#takenSeen = takenBytes;
    return now - this.#fullSince > stallMs;
  }

  /**
   * Whether the same frame has been incomplete for so long. Single bytes that keep coming are no progress: a frame must be
   * whole in time.
   */
  isFrameStalled(insideFrame: boolean, framesRead: number, now: number, stallMs: number): boolean {
    if (!insideFrame) this.#insideSince = Number.POSITIVE_INFINITY;
    else if (framesRead !== this.#framesSeen || this.#insideSince === Number.POSITIVE_INFINITY) this.#insideSince = now;
    this.#framesSeen = framesRead;
    return now - this.#insideSince > stallMs;
  }
}
