import type { IncomingCall, MethodEntry, ServerConnection } from '@org/rpc-wire/internal';
import type { AgingConnection, ConnectionAges } from './connection-age.js';

/**
 * The connections of a server, each from its first byte until none of its calls run any more. Connections that come later get the earlier
 * notices too: drain and refusal of new calls.
 */
export class Connections<Entry extends MethodEntry> {
  readonly #ages: ConnectionAges | undefined;
  readonly #open = new Set<ServerConnection<Entry>>();
  /** Lost connections whose one-way calls still run. */
  readonly #lost = new Set<ServerConnection<Entry>>();
  #drainingReason: string | undefined;
  #refusingReason: string | undefined;

  /** @param ages - bounds the age of connections */
  constructor(ages: ConnectionAges | undefined) {
    this.#ages = ages;
  }

  /** How many connections are open. */
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

  /** The peer of a connection has proved its identity, and when it expires is known. */
  authenticated(connection: AgingConnection): void {
    this.#ages?.add(connection);
  }

  /** A connection has closed. */
  delete(connection: ServerConnection<Entry>): void {
    this.#open.delete(connection);
    this.#ages?.delete(connection);
    if (connection.running > 0) this.#lost.add(connection);
  }

  /** Checks what is overdue on every connection; called about once a second. */
  tick(now: number): void {
    for (const connection of this.#open) connection.tick(now);
    this.#ages?.tick(now);
    for (const connection of this.#lost) if (connection.running === 0) this.#lost.delete(connection);
  }

  /** Tells clients that no new calls are wanted; calls that still come are served. */
  drain(reason: string): void {
    this.#drainingReason = reason;
    for (const connection of this.#open) connection.drain(reason);
  }

  /** New calls are refused, never started. */
  refuseNew(reason: string): void {
    this.#refusingReason = reason;
    for (const connection of this.#open) connection.refuseNew(reason);
  }

  /** Ends every connection, whatever runs on it. */
  endAll(reason: string): void {
    for (const connection of [...this.#open, ...this.#lost]) connection.close(reason);
  }
}
