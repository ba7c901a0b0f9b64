import type { Code, Random, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';

/** How many errors a reason has: as many different times to come back. */
const VARIANTS = 16;

/**
 * A reason to refuse calls whose errors are made beforehand: most of what an error costs is its stack, and a server refuses most when it
 * has least time. Nobody changes such an error: what of it is the caller's is made by the caller.
 */
export class Refusals {
  readonly #errors: RpcError[];
  #next = 0;

  /**
   * @param retryAfterMs - when to come back, give or take a half so that not all come at once; `undefined` says nothing
   */
  constructor(code: Code, reason: string, retryAfterMs: number | undefined, random: Random) {
    this.#errors = Array.from({ length: retryAfterMs === undefined ? 1 : VARIANTS }, () =>
      rpcError(code, reason, {
        progress: 'refused',
        retryAfterMs: retryAfterMs && Math.round(retryAfterMs * (0.5 + random())),
      }),
    );
  }

  next(): RpcError {
    this.#next = (this.#next + 1) % this.#errors.length;
    return this.#errors[this.#next]!;
  }
}
