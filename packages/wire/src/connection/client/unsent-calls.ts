import type { Call } from '@org/rpc-core';

/** Calls of one connection that are being compressed. Of those that are settled meanwhile, nothing is sent. */
export class UnsentCalls {
  readonly #calls = new Set<Call>();

  get size(): number {
    return this.#calls.size;
  }

  /** Those for whose answer nobody waits: no table of calls has them. */
  get oneWay(): Call[] {
    return [...this.#calls].filter((call) => call.oneWay);
  }

  /** Runs `send` with the frame of a call when it is compressed, unless the call was dropped before. */
  wait(call: Call, compressing: Promise<Buffer>, send: (frame: Buffer) => void): void {
    this.#calls.add(call);
    void compressing.then((frame) => {
      if (this.#calls.delete(call)) send(frame);
    });
  }

  /** The call is over. Returns whether nothing of it has been sent. */
  drop(call: Call): boolean {
    return this.#calls.delete(call);
  }
}
