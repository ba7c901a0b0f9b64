import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';

/** For how long after its caller has gone a handler may run before somebody is told, in milliseconds. */
const OUTLIVED_MS = 60_000;

/** A handler runs on though nobody has waited for it for a minute. */
export interface OutlivedEvent {
  readonly service: string;
  readonly method: string;
  /** The address of the caller that is gone, or whose deadline has passed. */
  readonly peer: string;
  /** For how long, in milliseconds. */
  readonly forMs: number;
}

/** What is done with a call whose handler has outlived its caller. */
export interface OutlivedPort<Entry extends MethodEntry> {
  /** Its place is given back: it does not count any more. */
  release(call: IncomingCall<Entry>): void;
  /** Tells observers. @returns whether there are any */
  emit(event: OutlivedEvent): boolean;
}

/**
 * Finds handlers that go on for a minute after their callers have gone: they look at no signal, and nothing can end them. They no
 * longer take a place of those who are waited for, and keep no server from closing. So that this does not go unseen it is told, on
 * stderr once for each method where nobody listens.
 */
export class OutlivedCalls<Entry extends MethodEntry = MethodEntry> {
  readonly #port: OutlivedPort<Entry>;
  readonly #write: (line: string) => void;
  /** Calls whose caller has gone, with when that was seen. */
  #gone = new Map<IncomingCall<Entry>, number>();
  readonly #printed = new Set<Entry>();

  /** @param write - where a line goes; by default to stderr */
  constructor(port: OutlivedPort<Entry>, write: (line: string) => void = (line) => void process.stderr.write(line)) {
    this.#port = port;
    this.#write = write;
  }

  /** Looks at what runs; called about once a second. */
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
