import { type Code, isRpcError, type Peer } from '@org/rpc-core';

/** One-way calls that were refused, of which their callers hear nothing. */
export interface OneWayDroppedEvent {
  /** Of the method; both are `undefined` for one that is not there, or where the request was not read. */
  readonly service: string | undefined;
  readonly method: string | undefined;
  /** What a call that is not one-way would have been answered. */
  readonly code: Code;
  /** Of the last of them. */
  readonly reason: string;
  readonly peer: Peer;
  /** How many there were since the event before. */
  readonly count: number;
}

/** So many kinds are told apart between two events; what comes beside them is counted with the last. */
const KINDS_MAX = 100;

/**
 * Counts the one-way calls that were not begun: there is no answer by which a caller could learn it. They are told of about once a second, all of
 * one method and code together, since calls are refused when there is least time for each.
 */
export class DroppedCalls {
  #total = 0;
  readonly #untold = new Map<string, { -readonly [K in keyof OneWayDroppedEvent]: OneWayDroppedEvent[K] }>();

  /** How many there were. */
  get total(): number {
    return this.#total;
  }

  /** @param thrown - why it was refused; `undefined`: its connection was closed before its turn came */
  add(thrown: unknown, peer: Peer, entry?: { readonly service: string; readonly method: string }): void {
    this.#total++;
    const code = isRpcError(thrown) ? thrown.code : thrown === undefined ? 'CANCELLED' : 'INTERNAL';
    let reason = 'its connection was closed before its turn came';
    // What else was thrown may hold secrets, and is told by `handlerError`.
    if (thrown !== undefined) reason = isRpcError(thrown) ? thrown.reason : 'something failed before the handler began';
    const kind = `${entry?.service ?? ''} ${entry?.method ?? ''} ${code}`;
    const untold =
      this.#untold.get(kind) ?? (this.#untold.size < KINDS_MAX ? undefined : [...this.#untold.values()].at(-1));
    if (untold === undefined) {
      this.#untold.set(kind, { service: entry?.service, method: entry?.method, code, reason, peer, count: 1 });
      return;
    }
    untold.count++;
    untold.reason = reason;
    untold.peer = peer;
  }

  /** Tells of those since the last time; called about once a second. */
  flush(tell: (event: OneWayDroppedEvent) => void): void {
    if (this.#untold.size === 0) return;
    const events = [...this.#untold.values()];
    this.#untold.clear();
    for (const event of events) tell(event);
  }
}
