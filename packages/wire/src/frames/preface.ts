import { PREFACE } from './frame.js';

/** Why the first bytes are not those of a client that we can serve. */
export interface PrefaceMismatch {
  /** Whether the first byte is already of another protocol, whose users get an answer that they can read. */
  readonly foreign: boolean;
  readonly reason: string;
}

/** Compares the first bytes of a connection with the preface, however they are cut. */
export class PrefaceReader {
  #matched: number;

  /** @param expected - whether a preface comes at all: clients send one, servers do not */
  constructor(expected: boolean) {
    this.#matched = expected ? 0 : PREFACE.length;
  }

  get isDone(): boolean {
    return this.#matched === PREFACE.length;
  }

  /** Takes a chunk: where the frames begin in it (its end while the preface is incomplete), or what is wrong. */
  read(bytes: Buffer): number | PrefaceMismatch {
    let position = 0;
    while (position < bytes.length && this.#matched < PREFACE.length) {
      if (bytes[position] !== PREFACE[this.#matched]) return this.#mismatch(bytes[position]!);
      position++;
      this.#matched++;
    }
    return position;
  }

  #mismatch(byte: number): PrefaceMismatch {
    if (this.#matched === 0) return { foreign: true, reason: '' };
    const versionAt = PREFACE.length - 1;
    if (this.#matched < versionAt) return { foreign: false, reason: 'the preface is not that of @org/rpc' };
    return { foreign: false, reason: `protocol version ${byte} is not spoken here, only ${PREFACE[versionAt]}` };
  }
}
