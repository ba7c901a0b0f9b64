import type { IncomingCall, MethodEntry, ServerConnection } from '@org/rpc-wire/internal';
import type { AgingConnection, ConnectionAges } from './connection-age.js';

/** The connections of a server, from the first byte of each until nothing of it runs any more. What has been said to all is said to who comes later. */
export class Connections<Entry extends MethodEntry> {
  readonly #ages: ConnectionAges | undefined;
  readonly #open = new Set<ServerConnection<Entry>>();
  /** One-way calls of theirs still run. */
  readonly #lost = new Set<ServerConnection<Entry>>();
  #drainingReason: string | undefined;
  #refusingReason: string | undefined;

  /** @param ages - how old they may become */
  constructor(ages: ConnectionAges | undefined) {
    this.#ages = ages;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Every call that runs or waits. */
  *calls(): Iterable<IncomingCall<Entry>> {
    for (const connection of this.#open) yield* connection.calls;
    for (const connection of this.#lost) yield* connection.calls;
  }

  add(connection: ServerConnection<Entry>): void {
    this.#open.add(connection);
    this.#ages?.add(connection);
    if (this.#drainingReason !== undefined) connection.drain(this.#drainingReason);
    if (this.#refusingReason !== undefined) connection.refuseNew(this.#refusingReason);
  }

  /** It is known now who is at the other end of one, and until when. */
  authenticated(connection: AgingConnection): void {
    this.#ages?.add(connection);
  }

  /** One has closed. */
  delete(connection: ServerConnection<Entry>): void {
    this.#open.delete(connection);
    this.#ages?.delete(connection);
    if (connection.running > 0) this.#lost.add(connection);
  }

  /** Looks after them; called about once a second. */
  tick(now: number): void {
    for (const connection of this.#open) connection.tick(now);
    this.#ages?.tick(now);
    for (const connection of this.#lost) if (connection.running === 0) this.#lost.delete(connection);
  }

  /** No new calls are wanted; those that come are served. */
  drain(reason: string): void {
    this.#drainingReason = reason;
    for (const connection of this.#open) connection.drain(reason);
  }

  /** New calls are refused, never started. */
  refuseNew(reason: string): void {
    this.#refusingReason = reason;
    for (const connection of this.#open) connection.refuseNew(reason);
  }

  /** Ends all, whatever runs on them. */
  endAll(reason: string): void {
    for (const connection of [...this.#open, ...this.#lost]) connection.close(reason);
  }
}
