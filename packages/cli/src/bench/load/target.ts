/**
 * One place for a call in flight. It is used again and again, one call after the other, so that the load costs no closure
 * and no options object per call.
 */
export interface Caller {
  /**
   * Makes the call. Never throws; rejects as the client does. `endpoint` and `attempts` are those of this call by the time
   * that the promise is settled.
   */
  call(): Promise<unknown>;
  /** `host:port` that answered the last call, `''` when none did. */
  endpoint: string;
  /** How many attempts the last call took; 0 when it was refused before the first. */
  attempts: number;
}

/** What the load is put on: all that the engine knows of a client. */
export interface BenchTarget {
  /** How the registry is shown, without secrets. */
  readonly registry: string;
  /** Makes a caller. @param index - counts from 0; callers are spread over the connections by it */
  createCaller(index: number): Caller;
  /** Closes the connections. Idempotent, never rejects. */
  close(): Promise<void>;
}
