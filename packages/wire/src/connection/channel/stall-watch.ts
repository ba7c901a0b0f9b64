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

  /** More bytes than allowed wait to be written, since `now`. */
  full(takenBytes: number, now: number): void {
    this.#takenSeen = takenBytes;
    this.#fullSince = now;
  }

  /** Everything that waited has been written. */
  drained(): void {
    this.#fullSince = Number.POSITIVE_INFINITY;
  }

  /** Whether the peer has read nothing for `stallMs`. `takenBytes` is the total that it has read: a slow reader is not stalled. */
  isWriteStalled(takenBytes: number, now: number, stallMs: number): boolean {
    if (takenBytes > this.#takenSeen && this.isFull) this.#fullSince = now;
    this.#takenSeen = takenBytes;
    return now - this.#fullSince > stallMs;
  }

  /**
   * Whether the same frame has been incomplete for `stallMs`. Single bytes that keep coming do not help: a frame must be whole in
   * time.
   */
  isFrameStalled(insideFrame: boolean, framesRead: number, now: number, stallMs: number): boolean {
    if (!insideFrame) this.#insideSince = Number.POSITIVE_INFINITY;
    else if (framesRead !== this.#framesSeen || this.#insideSince === Number.POSITIVE_INFINITY) this.#insideSince = now;
    this.#framesSeen = framesRead;
    return now - this.#insideSince > stallMs;
  }
}
