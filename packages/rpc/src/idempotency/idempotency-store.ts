/**
 * Where servers keep what was done under which key: one store for all instances of a service, since a retry goes to another one. Bytes are to come back
 * as they were given. Each operation is atomic; whatever it rejects with is an outage.
 */
export interface IdempotencyStore {
  /**
   * Writes `claim` under a key where nothing is.
   * @param ttlMs - after so many milliseconds it is gone
   * @returns `undefined` when it was written, else what is there
   */
  begin(key: string, claim: Uint8Array, ttlMs: number): Promise<Uint8Array | undefined>;
  /** Writes `outcome` in place of `claim`, for `ttlMs`; nothing where something else is by now. */
  finish(key: string, claim: Uint8Array, outcome: Uint8Array, ttlMs: number): Promise<void>;
  /** Takes out `claim`; nothing where something else is by now. */
  release(key: string, claim: Uint8Array): Promise<void>;
}
