import type { Clock, Code, MethodKind, Peer, RpcError } from '@org/rpc-core';
import { latencyBucket, plainText } from '@org/rpc-core/internal';
import { type LoopDelays, LoopLag } from './loop-lag.js';
import type { CallCounts } from './operator.js';

/** How long it goes on counting when nobody asks, in milliseconds. */
const INTEREST_MS = 60_000;
/** More callers than these are counted as one. */
const CALLERS_MAX = 200;
/** Pairs of a method and a caller. */
const PAIRS_MAX = 5_000;
/** What refuses calls of one method, and how long its words may be. */
const REFUSALS_MAX = 20;
const REASON_LENGTH_MAX = 200;

/** What probes and tools ask is no traffic. */
const OWN_SERVICES: ReadonlySet<string> = new Set(['rpc.health', 'rpc.reflection', 'rpc.operator']);

/** The name under which the callers beyond the bounds are counted. */
const OTHERS = '(others)';

/** A call that has ended, as far as it is counted. */
export interface EndedCall {
  readonly service: string;
  readonly method: string;
  readonly kind: MethodKind;
  readonly peer: Peer;
  readonly durationMs: number | undefined;
  readonly error: RpcError | undefined;
}

interface Counts {
  readonly service: string;
  readonly method: string;
  readonly kind: MethodKind;
  readonly caller: string;
  address: string;
  calls: number;
  readonly errors: Map<Code, number>;
  readonly refusals: Map<string, number>;
  readonly latency: Map<number, number>;
}

/**
 * Who calls what, how it ends and how long it takes. It counts only while somebody asks: a server at which nobody looks pays one
 * comparison a call.
 */
export class CallTally {
  /** How late the event loop of the server is. */
  readonly lag: LoopLag;
  readonly #clock: Clock;
  readonly #pairs = new Map<string, Counts>();
  readonly #callers = new Set<string>();
  #isOn = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #since = 0;

  /** @param delays - see {@link LoopLag} */
  constructor(clock: Clock, delays?: LoopDelays) {
    this.#clock = clock;
    this.lag = new LoopLag(delays);
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** How late the event loop was at worst in the last minute, in milliseconds. */
  get worstLagMs(): number {
    return this.lag.worstMs(this.#clock.now());
  }

  /** Counts a call that has ended. */
  record(call: EndedCall): void {
    if (this.#clock.now() - this.#askedAt > INTEREST_MS) return this.#stop();
    const { error } = call;
    if (OWN_SERVICES.has(call.service)) return;
    const counts = this.#countsOf(call);
    counts.address = call.peer.address;
    counts.calls++;
    if (error !== undefined) {
      counts.errors.set(error.code, (counts.errors.get(error.code) ?? 0) + 1);
      if (error.progress === 'refused') addRefusal(counts.refusals, error.reason);
    }
    const bucket = latencyBucket(call.durationMs ?? 0);
    counts.latency.set(bucket, (counts.latency.get(bucket) ?? 0) + 1);
  }

  /** What was counted so far; begins to count, if it does not. */
  ask(): { readonly since: number; readonly calls: readonly CallCounts[] } {
    const now = this.#clock.now();
    if (this.#isOn && now - this.#askedAt > INTEREST_MS) this.#stop();
    this.#askedAt = now;
    if (!this.#isOn) {
      this.#isOn = true;
      this.#since = this.#clock.wallNow();
    }
    return { since: this.#since, calls: Array.from(this.#pairs.values(), plain) };
  }

  #countsOf({ service, method, kind, peer }: EndedCall): Counts {
    let caller = this.#callerOf(peer);
    let counts = this.#pairs.get(key(service, method, caller));
    if (counts === undefined && this.#pairs.size >= PAIRS_MAX) {
      caller = OTHERS;
      counts = this.#pairs.get(key(service, method, caller));
    }
    if (counts !== undefined) return counts;
    counts = { service, method, kind, caller, address: '', calls: 0, ...mapsOf() };
    this.#pairs.set(key(service, method, caller), counts);
    return counts;
  }

  #callerOf({ name, address }: Peer): string {
    const caller = name ?? address.replace(/:\d+$/, '');
    if (this.#callers.has(caller)) return caller;
    if (this.#callers.size >= CALLERS_MAX) return OTHERS;
    this.#callers.add(caller);
    return caller;
  }

  #stop(): void {
    this.#isOn = false;
    this.#pairs.clear();
    this.#callers.clear();
  }
}

function key(service: string, method: string, caller: string): string {
  return `${service}\0${method}\0${caller}`;
}

function mapsOf(): Pick<Counts, 'errors' | 'refusals' | 'latency'> {
  return { errors: new Map(), refusals: new Map(), latency: new Map() };
}

function addRefusal(refusals: Map<string, number>, reason: string): void {
  const words = plainText(reason).slice(0, REASON_LENGTH_MAX);
  const by = refusals.has(words) || refusals.size < REFUSALS_MAX ? words : OTHERS;
  refusals.set(by, (refusals.get(by) ?? 0) + 1);
}

function plain({ service, method, kind, caller, address, calls, errors, refusals, latency }: Counts): CallCounts {
  return {
    service,
    method,
    kind,
    caller,
    address,
    calls,
    errors: Object.fromEntries(errors),
    refusals: Object.fromEntries(refusals),
    latency: [...latency].flat(),
  };
}
