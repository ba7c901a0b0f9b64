/** Notices that a peer has stopped in the middle of sending a frame, or has stopped reading. */
export class StallWatch {
  #framesSeen = -1;
  #insideSince = Number.POSITIVE_INFINITY;
  #fullSince = Number.POSITIVE_INFINITY;
  #takenSeen = 0;

  /** Whether more bytes wait to be written than are allowed. */
  get isFull(): boolean {
    return this.#fullSince !== Number.POSITIVE_INFINITY;
  }

  /** Since `now` more bytes wait to be written than are allowed. */
  full(takenBytes: number, now: number): void {
    this.#takenSeen = takenBytes;
    this.#fullSince = now;
  }

  /** The peer has read all of it. */
  drained(): void {
    this.#fullSince = Number.POSITIVE_INFINITY;
  }

  /** Whether the peer has read nothing for `stallMs`. `takenBytes` is what it has read in all: a slow reader is not stalled. */
  isWriteStalled(takenBytes: number, now: number, stallMs: number): boolean {
    if (takenBytes > this.#takenSeen && this.isFull) this.#fullSince = now;
    this.#takenSeen = takenBytes;
    return now - this.#fullSince > stallMs;
  }

  /**
   * Whether the same frame has been incomplete for too long. Single bytes that keep coming do not count: a frame must be whole in
   * time.
   */
  isFrameStalled(insideFrame: boolean, framesRead: number, now: number, stallMs: number): boolean {
    if (!insideFrame) this.#insideSince = Number.POSITIVE_INFINITY;
    else if (framesRead !== this.#framesSeen || this.#insideSince === Number.POSITIVE_INFINITY) this.#insideSince = now;
    this.#framesSeen = framesRead;
    return now - this.#insideSince > stallMs;
  }
}
