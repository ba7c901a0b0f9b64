import type { CallTerms } from './time-limit.js';
/** Ends the waits of all calls of a client when the client is closed. */
export interface WaitEnder {
  /** @param end - ends one wait, with the reason */
  add(end: (reason: string) => void): void;
  delete(end: (reason: string) => void): void;
}

/** What is the same for every call of one method: made once for each stub method, shared by its calls. */
export interface MethodRef {
  readonly service: string;
  readonly method: string;
  /** The two names as they go on the wire: length of the service, length of the method, service, method. */
  readonly wireName: Uint8Array;
  /** Ends the waits of its calls when the client closes; left out: only the call itself ends them. */
  readonly waits?: WaitEnder | undefined;
  /** The name that the client was given; left out: none. */
  readonly caller?: string | undefined;
  /** By what its calls are made; left out: unknown. */
  readonly terms?: CallTerms | undefined;
  /** Knows when the event loop of this process was busy; left out: unknown. */
  readonly loop?: LoopWatch | undefined;
}

/** Knows how long the event loop of this process has been busy. */
export interface LoopWatch {
  /** How long the event loop was certainly late between two times of the clock, in milliseconds. */
  lateMs(from: number, to: number): number;
  /** Whether the process was seen to run after `from`, before it was late until `to` or beyond: what it had to send then was sent. */
  ranBetween(from: number, to: number): boolean;
}

/** Makes the wire form of a method's name, see {@link MethodRef.wireName}. Names are checked when they are defined. */
export function wireName(service: string, method: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(2 + service.length + method.length);
  bytes[0] = service.length;
  bytes[1] = method.length;
  bytes.write(service, 2, 'latin1');
  bytes.write(method, 2 + service.length, 'latin1');
  return bytes;
}
