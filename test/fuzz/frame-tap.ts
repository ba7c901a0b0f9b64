import { HEADER_BYTES, PREFACE } from '../../packages/wire/src/frames/frame.js';
import type { ByteReceiver, ByteStream } from '../../packages/wire/src/transport/byte-stream.js';

/** One frame as a peer got it; of its body only the beginning is kept. */
export interface TappedFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly head: Buffer;
}

const HEAD_BYTES = 256;

/** The other end of a connection under test. Keeps little of what it gets, so that only the connection's own memory counts. */
export class FrameTap implements ByteReceiver {
  readonly stream: ByteStream;
  readonly frames: TappedFrame[] = [];
  /** The beginning of everything that came. */
  opening: Buffer = Buffer.alloc(0);
  bytesRead = 0;
  isEnded = false;
  isClosed = false;
  #rest: Buffer = Buffer.alloc(0);
  #skip = 0;
  #sawPreface = false;

  constructor(stream: ByteStream) {
    this.stream = stream;
    stream.start(this);
  }

  data(bytes: Buffer): void {
    this.bytesRead += bytes.length;
    if (this.opening.length < HEAD_BYTES) this.opening = Buffer.concat([this.opening, bytes.subarray(0, HEAD_BYTES)]);
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (!this.#sawPreface && rest.length > 0) {
      this.#sawPreface = true;
      if (rest[0] === PREFACE[0]) this.#skip = PREFACE.length;
    }
    for (;;) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      rest = rest.subarray(skipped);
      if (rest.length < HEADER_BYTES) break;
      const bodyBytes = rest.readUInt32BE(0);
      const kept = Math.min(bodyBytes, HEAD_BYTES);
      if (rest.length < HEADER_BYTES + kept) break;
      this.frames.push({
        type: rest[4]!,
        flags: rest[5]!,
        id: rest.readUInt32BE(6),
        head: Buffer.from(rest.subarray(HEADER_BYTES, HEADER_BYTES + kept)),
      });
      rest = rest.subarray(HEADER_BYTES + kept);
      this.#skip = bodyBytes - kept;
    }
    this.#rest = Buffer.from(rest);
  }

  drained(): void {}

  ended(): void {
    this.isEnded = true;
  }

  closed(): void {
    this.isClosed = true;
  }
}
