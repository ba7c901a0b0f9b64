import { isRpcError } from '@org/rpc-core';
import { failureLine } from '../../cli-error.js';

/** How often calls failed with one code. */
export interface ErrorSummary {
  /** One of the canonical codes; `UNKNOWN` for what is no RpcError. */
  readonly code: string;
  readonly count: number;
  /** The message of the first one, in one line. */
  readonly example: string;
}

/** Counts failures by their codes; bounded, as the codes are a closed set. */
export class ErrorTally {
  readonly #byCode = new Map<string, { count: number; readonly first: unknown }>();

  /** Counts one failure. */
  add(error: unknown): void {
    const code = isRpcError(error) ? error.code : 'UNKNOWN';
    const known = this.#byCode.get(code);
    if (known === undefined) this.#byCode.set(code, { count: 1, first: error });
    else known.count++;
  }

  /** The codes, the most frequent first. */
  summary(): readonly ErrorSummary[] {
    return [...this.#byCode]
      .map(([code, { count, first }]) => ({ code, count, example: failureLine(first) }))
      .sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
  }
}
