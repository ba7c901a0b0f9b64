import { printLine } from '@org/rpc-core/internal';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';

/** How long a handler may run after its caller has gone before this is reported, in milliseconds. */
const OUTLIVED_MS = 60_000;

/** A handler still runs a minute after its caller has gone. */
export interface OutlivedEvent {
  readonly service: string;
  readonly method: string;
  /** The address of the caller that has gone, or whose deadline has passed. */
  readonly peer: string;
  /** How long the handler has outlived its caller, in milliseconds. */
  readonly forMs: number;
}

/** What to do with a call whose handler has outlived its caller. */
export interface OutlivedPort<Entry extends MethodEntry> {
  /** Frees the call's place: it no longer counts as running. */
  release(call: IncomingCall<Entry>): void;
  /** Tells observers. @returns whether anybody listens */
  emit(event: OutlivedEvent): boolean;
}

/**
 * Finds handlers that run on for a minute after their callers have gone. They ignore their signal, and nothing can end them. They no longer
 * take places from other calls, and do not keep the server from closing. Each is reported as an event, and if nobody listens, on stderr
 * once for each method.
 */
export class OutlivedCalls<Entry extends MethodEntry = MethodEntry> {
  readonly #port: OutlivedPort<Entry>;
  readonly #write: (line: string) => void;
  /** Calls whose caller has gone, and since when. */
  #gone = new Map<IncomingCall<Entry>, number>();
  readonly #printed = new Set<Entry>();

  /** @param write - writes a line; by default to stderr */
  constructor(port: OutlivedPort<Entry>, write: (line: string) => void = printLine) {
    this.#port = port;
    this.#write = write;
  }

  /** Checks the running calls; called about once a second. */
  sweep(running: Iterable<IncomingCall<Entry>>, now: number): void {
    const gone = new Map<IncomingCall<Entry>, number>();
    for (const call of running) {
      if (call.outlived || !(call.abandoned || call.deadline <= now)) continue;
      const since = this.#gone.get(call) ?? Math.min(now, call.deadline);
      if (now - since < OUTLIVED_MS) gone.set(call, since);
      else this.#outlived(call, now - since);
    }
    this.#gone = gone;
  }

  #outlived(call: IncomingCall<Entry>, forMs: number): void {
    call.outlived = true;
    this.#port.release(call);
    const { service, method, entry } = call;
    if (this.#port.emit({ service, method, peer: call.peer.address, forMs: Math.round(forMs) })) return;
    if (this.#printed.has(entry)) return;
    this.#printed.add(entry);
    this.#write(
      `[rpc] handler ${service}.${method} still runs ${Math.round(forMs / 1_000)} s after its caller has gone. End its waits by callContext().signal; start by detached() what is to go on\n`,
    );
  }
}
