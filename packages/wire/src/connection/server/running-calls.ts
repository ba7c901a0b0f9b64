import type { Limits, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { HeldMemory, Holding } from '../channel/held-memory.js';
import type { IncomingCall, MethodEntry } from './incoming-call.js';

/**
 * The calls of one connection whose handlers run, including those whose caller has given up: a peer must not get more handlers by
 * cancelling calls. Calls that are answered at once never come in here.
 */
export class RunningCalls<Entry extends MethodEntry> {
  readonly #limits: Limits;
  readonly #byId = new Map<number, IncomingCall<Entry>>();
  readonly #oneWay = new Set<IncomingCall<Entry>>();
  /** The requests that arrive in pieces, by id. */
  readonly #arriving = new Map<number, Arriving>();
  readonly #held: Holding | undefined;
  #requestBytes = 0;
  /** Made once, and shared by all calls: a peer that sends too much gets many. */
  #tooMany: RpcError | undefined;
  #tooLarge: RpcError | undefined;
  #beyondShare: RpcError | undefined;

  /** @param memory - what all connections of the server hold; left out: this one is alone */
  constructor(limits: Limits, memory?: HeldMemory) {
    this.#limits = limits;
    this.#held = memory?.holding();
  }

  get size(): number {
    return this.#byId.size + this.#oneWay.size;
  }

  get(id: number): IncomingCall<Entry> | undefined {
    return this.#byId.get(id);
  }

  /** Every call whose caller waits for an answer. */
  values(): Iterable<IncomingCall<Entry>> {
    return this.#byId.values();
  }

  /** Every call, also those whose caller has gone. */
  *all(): Iterable<IncomingCall<Entry>> {
    yield* this.#byId.values();
    yield* this.#oneWay;
  }

  /**
   * Nobody waits for this call any more: its handler is told why, and nothing is answered.
   * @returns the call; `undefined` when it has ended, or was given up before
   */
  giveUp(id: number, reason: RpcError): IncomingCall<Entry> | undefined {
    const call = this.#byId.get(id);
    if (call === undefined || call.abandoned) return undefined;
    call.abandoned = true;
    call.abort(reason);
    return call;
  }

  /**
   * The connection is gone: handlers that look at their signal see it abort, and nobody is answered. One-way calls go on until
   * their deadline: their callers were told that they are done, and may have left.
   */
  abandonAll(reason: string): void {
    for (const call of this.#byId.values()) abandon(call, reason);
  }

  /**
   * This side ends the connection, because of a fault of the peer or because the server ends: nothing may run for it any more,
   * whether or not anybody waits.
   */
  abandonOneWay(reason: string): void {
    for (const call of this.#oneWay) abandon(call, reason);
  }

  /** The refusal of one more request of this size; `undefined` when the limits leave room for it. */
  refusal(requestBytes: number): RpcError | undefined {
    const { callsInFlight, inFlightRequestBytes } = this.#limits;
    if (this.size + this.#arriving.size >= callsInFlight) {
      const reason = `${callsInFlight} calls of this connection are running (limits.callsInFlight)`;
      this.#tooMany ??= refused(reason);
      return this.#tooMany;
    }
    if (this.#requestBytes + requestBytes > inFlightRequestBytes) {
      const reason = `requests in flight on this connection exceed ${inFlightRequestBytes} bytes (limits.inFlightRequestBytes)`;
      this.#tooLarge ??= refused(reason);
      return this.#tooLarge;
    }
    return this.#held?.hasRoom(requestBytes + CALL_BYTES) === false ? this.#refuseBeyondShare() : undefined;
  }

  /**
   * Counts the memory of a call's decoded arguments beyond its bytes, until it ends. A call that runs alone always has room: the
   * estimate is high, and `messageBytes` and `messageElements` bound what a single message can take.
   * @returns the refusal; `undefined` when the limits leave room for it
   */
  charge(call: IncomingCall<Entry>, extraBytes: number): RpcError | undefined {
    const { inFlightRequestBytes } = this.#limits;
    const others = call.counted ? this.#requestBytes - call.requestBytes : this.#requestBytes;
    if (others > 0 && others + call.requestBytes + extraBytes > inFlightRequestBytes) {
      const reason = `requests in flight on this connection take more than ${inFlightRequestBytes} bytes when decoded (limits.inFlightRequestBytes)`;
      return refused(reason);
    }
    if (others > 0 && this.#held?.hasRoom(extraBytes) === false) return this.#refuseBeyondShare();
    call.requestBytes += extraBytes;
    if (call.counted) this.#count(extraBytes);
    return undefined;
  }

  /**
   * A request of this size arrives in pieces: from the first piece on it counts as a call of its connection. What all connections hold together
   * is not used by what one has only announced.
   */
  arrives(id: number, requestBytes: number): void {
    this.#arriving.set(id, { requestBytes, heldBytes: CALL_BYTES });
    this.#count(requestBytes, CALL_BYTES - requestBytes);
  }

  /** So many bytes more of it have come. @returns the refusal, which ends it; `undefined` while there is room for it */
  grew(id: number, bytes: number): RpcError | undefined {
    const arriving = this.#arriving.get(id);
    if (arriving === undefined || this.#held === undefined) return undefined;
    arriving.heldBytes += bytes;
    this.#held.add(bytes);
    if (this.#held.hasRoom(0)) return undefined;
    this.arrived(id);
    return this.#refuseBeyondShare();
  }

  /** Such a request has arrived, or never will; harmless when there is none. */
  arrived(id: number): void {
    const arriving = this.#arriving.get(id);
    if (arriving === undefined) return;
    this.#arriving.delete(id);
    const { requestBytes, heldBytes } = arriving;
    this.#count(-requestBytes, requestBytes - heldBytes);
  }

  /** The connection is over: nothing more of it arrives. */
  nothingArrives(): void {
    for (const id of [...this.#arriving.keys()]) this.arrived(id);
  }

  /** Puts a call in; harmless when it is in already, waiting for something else. */
  add(call: IncomingCall<Entry>): void {
    if (call.oneWay ? this.#oneWay.has(call) : this.#byId.has(call.id)) return;
    if (call.oneWay) this.#oneWay.add(call);
    else this.#byId.set(call.id, call);
    call.counted = true;
    this.#count(call.requestBytes, CALL_BYTES);
  }

  /** Takes a call out; harmless when it never came in. */
  remove(call: IncomingCall<Entry>): void {
    const wasIn = call.oneWay ? this.#oneWay.delete(call) : this.#byId.delete(call.id);
    if (!wasIn) return;
    call.counted = false;
    this.#count(-call.requestBytes, -CALL_BYTES);
  }

  #refuseBeyondShare(): RpcError {
    const reason = 'the connections of this server hold more than limits.heldBytes, and this one more than its share';
    this.#beyondShare ??= refused(reason);
    return this.#beyondShare;
  }

  #count(requestBytes: number, besides = 0): void {
    this.#requestBytes += requestBytes;
    this.#held?.add(requestBytes + besides);
  }
}

/** A request that arrives in pieces. */
interface Arriving {
  /** As it was announced. */
  readonly requestBytes: number;
  /** As much of it as has come, with what a call takes besides. */
  heldBytes: number;
}

/** What a call that runs takes besides its request: its promises, its signal, its context. */
const CALL_BYTES = 2048;

function refused(reason: string): RpcError {
  return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'refused', hasStack: false });
}

function abandon(call: IncomingCall, reason: string): void {
  call.abandoned = true;
  const facts = { progress: 'processed', hasStack: false } as const;
  call.abort(rpcError('CANCELLED', `the connection to the caller is gone: ${reason}`, facts));
}

/** The answer to a call whose handler is cut off because its connection ends. */
export function cutOff({ started }: IncomingCall, reason: string): RpcError {
  return started
    ? rpcError('UNAVAILABLE', `${reason}: the handler was cut off before it had ended`, { progress: 'processed' })
    : rpcError('UNAVAILABLE', reason, { progress: 'refused' });
}
