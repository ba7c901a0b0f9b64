import type { Code, Random, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';

/** How many errors are made for a reason, each with another time to come back. */
const VARIANTS = 16;

/**
 * The errors of one reason to refuse calls, made in advance: most of the cost of an error is its stack, and a server refuses most calls when
 * it has least time. These errors are shared and never changed: what belongs to one call is added on the caller's side.
 */
export class Refusals {
  readonly #errors: RpcError[];
  #next = 0;

  /**
   * @param retryAfterMs - after how long to come back, varied by 50 % either way so that callers do not come back all at once; `undefined`
   *   leaves it out
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
