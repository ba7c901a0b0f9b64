import type { Call } from '@org/rpc-core';
import type { ClientConnectionOptions } from './client-connection-options.js';

/** A client's connection, whatever protocol it speaks. */
export interface CallConnection {
  /** Whether it takes calls. */
  readonly isOpen: boolean;
  /** Whether one more call would be refused, or have to wait. */
  readonly isFull: boolean;
  /** Whether the server is known to live: it has said something. */
  readonly isGreeted: boolean;
  /** Whether it was asked whether it lives still, and says nothing: new calls are better sent elsewhere. */
  readonly isSuspect: boolean;
  readonly inFlight: number;
  /** Sends a call. The promise settles by its `attemptDeadline`, whatever the server does. */
  send(call: Call): Promise<unknown>;
  /** Looks after what should have happened by now; called about once a second. */
  tick(now: number): void;
  /** Takes no more calls; closes when those in flight are answered. */
  drain(): void;
  /** Closes at once; calls in flight fail. */
  close(reason: string): void;
}

/** What a client speaks with servers, made by a function such as `messagePackRpc()`. */
export interface ClientProtocol {
  readonly name: string;
  /** @internal Speaks it over a stream that was just opened. */
  open(options: ClientConnectionOptions): CallConnection;
}
