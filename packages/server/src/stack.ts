import { isRpcError, type RpcError } from '@org/rpc-core';
import { describeValue, isPromise, rpcError } from '@org/rpc-core/internal';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';

/** Lets calls in, or not. */
export interface Admission<Entry extends MethodEntry = MethodEntry> {
  /**
   * Takes a place for the call, at once or after a wait.
   * @returns `undefined` when it is in, the refusal when it is not; a promise of either when it has to wait
   */
  enter(call: IncomingCall<Entry>): RpcError | undefined | Promise<RpcError | undefined>;
  /** A call that was let in has ended: its place is free. `error` is what was thrown, `undefined` after success. */
  leave(call: IncomingCall<Entry>, error: unknown): void;
}

/** Calls that have ended, by how, as the state of a server has them. */
interface EndedCalls {
  readonly succeeded: number;
  readonly late: number;
  readonly failed: number;
  readonly refused: number;
  readonly builtIn: number;
}

/** What a server's stack is made of. */
export interface ServerStackParts<Entry extends MethodEntry = MethodEntry> {
  /** Refuses by throwing. `undefined` when everything is allowed. */
  readonly authorize: ((call: IncomingCall<Entry>) => unknown) | undefined;
  readonly admission: Admission<Entry>;
  /** Runs the user's layers and the handler. May return a promise; may throw. */
  run(call: IncomingCall<Entry>): unknown;
  /** The same of a streaming call: gives the iterable of what goes out. */
  runStream(call: IncomingCall<Entry>, items: AsyncIterable<unknown>): unknown;
  /** Turns what was thrown into what the caller may see. */
  presentable(thrown: unknown, call: IncomingCall<Entry>): RpcError;
  /** A one-way call has not begun, so that its caller will never hear of it. */
  dropped?(call: IncomingCall<Entry>, error: unknown): void;
  /** A call has ended, however it did; `error` is what was thrown, or why it was refused. */
  ended(call: IncomingCall<Entry>, error: unknown): void;
}

/**
 * The way of a call through its server, the same whatever protocol it came by. The order is that of the methods below, and
 * above each stands why it is where it is:
 *
 * observe -> expired -> authorize -> admission -> decode -> the user's layers -> handler -> answer
 *
 * A call that nothing lets wait goes through in one turn, without a promise or a closure.
 */
export class ServerStack<Entry extends MethodEntry = MethodEntry> {
  readonly #parts: ServerStackParts<Entry>;
  readonly #observed: ServerStackParts<Entry>;
  readonly #authorize: ServerStackParts<Entry>['authorize'];
  readonly #admission: Admission<Entry>;
  #size = 0;
  #succeeded = 0;
  #late = 0;
  #builtIn = 0;
  #failed = 0;
  #refused = 0;

  /** @param observed - the same parts for calls that are observed; left out: none is */
  constructor(parts: ServerStackParts<Entry>, observed: ServerStackParts<Entry> = parts) {
    this.#parts = parts;
    this.#observed = observed;
    this.#authorize = parts.authorize;
    this.#admission = parts.admission;
  }

  /** How many calls are inside, those included that wait to be let in and those whose caller has given up. */
  get size(): number {
    return this.#size;
  }

  /** Calls that have ended, by how. */
  get ended(): EndedCalls {
    return {
      succeeded: this.#succeeded,
      late: this.#late,
      failed: this.#failed,
      refused: this.#refused,
      builtIn: this.#builtIn,
    };
  }

  /**
   * Observe: outermost, so that what begins here is ended for every call, however it ends; whoever drains waits for all of them.
   *
   * What is late is refused before it is authorized: nobody waits for it any more. Where there is nothing to wait for, the look
   * at the clock right before the handler is enough.
   * @param bytes - has the arguments in `[start, end)`, borrowed until this returns
   */
  serve(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void {
    this.#size++;
    if (this.#authorize === undefined) return this.#admit(call, bytes, start, end);
    if (call.isExpired) return this.#refuse(call, expired(call));
    this.#askWhetherAllowed(call, bytes, start, end);
  }

  /**
   * Authorize: on the canonical name and before the arguments are decoded, so that a stranger costs no more than a look at the
   * head of the request. Above admission: what is not allowed must not take the places of what is.
   */
  #askWhetherAllowed(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void {
    let verdict: unknown;
    let isLate: boolean;
    try {
      verdict = this.#authorize!(call);
      isLate = isPromise(verdict);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (!isLate) return this.#authorized(call, verdict, bytes, start, end);
    const payload = keep(call, bytes, start, end);
    // A promise of another make may throw, or settle twice: `resolve` tames it, and gives one of ours back as it is.
    Promise.resolve(verdict).then(
      (value: unknown) => this.#authorized(call, value, payload, 0, payload.length),
      (error: unknown) => this.#fail(call, error),
    );
  }

  #authorized(call: IncomingCall<Entry>, verdict: unknown, bytes: Buffer, start: number, end: number): void {
    if (verdict !== undefined) return this.#fail(call, noVerdict(verdict));
    if (call.abandoned) return this.#end(call, undefined);
    if (call.isExpired) return this.#refuse(call, expired(call));
    this.#admit(call, bytes, start, end);
  }

  /**
   * Admission: above decoding, so that what is refused costs no more than its bytes; below authorization, so that limits can
   * count by who was let in.
   */
  #admit(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void {
    const verdict = this.#admission.enter(call);
    if (verdict === undefined) {
      call.admitted = true;
      // One that authorization held is counted already; all others have not waited.
      if (call.counted) call.waitedMs = waitedMs(call);
      return this.#read(call, bytes, start, end);
    }
    if (!isPromise(verdict)) return this.#refuse(call, verdict);
    const payload = keep(call, bytes, start, end);
    verdict.then((refusal) => {
      if (refusal !== undefined) return this.#refuse(call, refusal);
      call.admitted = true;
      call.waitedMs = waitedMs(call);
      if (call.isExpired) return this.#refuse(call, expired(call));
      this.#read(call, payload, 0, payload.length);
    });
  }

  /** Decode: above the user's layers, which see arguments and not bytes. */
  #read(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void {
    if (call.abandoned) return this.#end(call, undefined);
    if (!call.isCompressed) return this.#run(call, bytes, start, end);
    let payload: Buffer | Promise<Buffer>;
    try {
      payload = call.inflate(bytes, start, end);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (Buffer.isBuffer(payload)) return this.#run(call, payload, 0, payload.length);
    call.hold();
    payload.then(
      (inflated) => {
        if (call.abandoned) return this.#end(call, undefined);
        this.#run(call, inflated, 0, inflated.length);
      },
      (error: unknown) => this.#fail(call, error),
    );
  }

  /**
   * The user's layers, then the handler, which looks at the clock once more (see `handler.ts`): whatever waited above it, nothing
   * runs that nobody waits for.
   */
  #run(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void {
    let result: unknown;
    let isLate: boolean;
    try {
      call.decode(bytes, start, end);
      if (call.stream !== undefined) return this.#runStream(call, call.stream);
      result = this.#partsOf(call).run(call);
      // To look at what a handler gives may run its code: a getter, a proxy.
      isLate = isPromise(result);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (!isLate) return this.#succeed(call, result);
    call.hold();
    Promise.resolve(result).then(
      (value: unknown) => this.#succeed(call, value),
      (error: unknown) => this.#fail(call, error),
    );
  }

  #runStream(call: IncomingCall<Entry>, stream: NonNullable<IncomingCall<Entry>['stream']>): void {
    call.hold();
    call
      .answerItems(stream, () => this.#partsOf(call).runStream(call, stream.received))
      .then(
        () => this.#end(call, undefined),
        (error: unknown) => this.#fail(call, error),
      );
  }

  #succeed(call: IncomingCall<Entry>, value: unknown): void {
    let writing: void | Promise<void>;
    try {
      writing = call.answer(value);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (writing === undefined) return this.#end(call, undefined);
    // Until its answer is on its way, a call counts as running: it holds memory, and whoever drains waits for it.
    call.hold();
    writing.then(
      () => this.#end(call, undefined),
      (error: unknown) => this.#fail(call, error),
    );
  }

  #fail(call: IncomingCall<Entry>, thrown: unknown): void {
    // Also of one-way calls, so that the server's log has it. What an abandoned handler throws is the abort's doing.
    if (!call.abandoned) {
      const error = this.#partsOf(call).presentable(thrown, call);
      try {
        call.fail(error);
      } catch {
        // It only seemed to be an RpcError; whatever was thrown, the call ends and its place is free.
        call.fail(
          rpcError('INTERNAL', 'the handler failed with an error that cannot be sent', { progress: 'processed' }),
        );
      }
    }
    this.#end(call, thrown);
  }

  #refuse(call: IncomingCall<Entry>, error: RpcError): void {
    call.fail(error);
    this.#end(call, error);
  }

  /** Nobody has waited for this call for long, and nothing can end it: its place is free, and whoever drains does not wait. */
  release(call: IncomingCall<Entry>): void {
    if (call.admitted) this.#admission.leave(call, undefined);
    call.admitted = false;
    this.#size--;
  }

  #end(call: IncomingCall<Entry>, error: unknown): void {
    if (call.admitted) this.#admission.leave(call, error);
    if (!call.outlived) this.#size--;
    if (call.entry.isBuiltIn === true) this.#builtIn++;
    else this.#count(call, error);
    call.end();
    this.#partsOf(call).ended(call, error);
  }

  #count(call: IncomingCall<Entry>, error: unknown): void {
    // Nobody waits for a one-way call, so it is never late. What was answered in the turn in which it was read costs no look at the clock.
    if (error === undefined && !call.abandoned) {
      if (call.isLate && !call.oneWay) this.#late++;
      else this.#succeeded++;
    } else if (call.started) {
      if (error === undefined || isInVain(call)) this.#late++;
      else this.#failed++;
    } else {
      this.#refused++;
      if (call.oneWay) this.#parts.dropped?.(call, error);
    }
  }

  #partsOf(call: IncomingCall<Entry>): ServerStackParts<Entry> {
    return call.observed === undefined ? this.#parts : this.#observed;
  }
}

/**
 * Whether nobody waited any more when the handler threw: what it throws then is mostly the doing of its signal. A call that this side has broken
 * off has failed.
 */
function isInVain(call: IncomingCall): boolean {
  if (call.oneWay) return false;
  return call.isLate || (call.abandoned && isRpcError(call.abortReason, 'CANCELLED'));
}

/** The error of a call whose deadline has passed before its handler began. */
export function expired(call: Pick<IncomingCall, 'service' | 'method' | 'grantedMs'>): RpcError {
  const reason = `${call.service}.${call.method}: the caller's deadline had passed before the handler began: it had ${call.grantedMs} ms left when it came`;
  return rpcError('DEADLINE_EXCEEDED', reason, { progress: 'refused', hasStack: false });
}

/** Whatever is not nothing refuses: `false` was meant to, and what was meant by `true` nobody can know here. */
function noVerdict(verdict: unknown): RpcError {
  if (isRpcError(verdict)) return verdict;
  // A text may be a secret: the caller sees only what kind of thing it is.
  const what = typeof verdict === 'string' ? 'a text' : describeValue(verdict);
  const reason = `authorize returned ${what}, which is no answer: to allow a call return nothing, to refuse it throw an RpcError such as new RpcError('PERMISSION_DENIED', 'why')`;
  return rpcError('PERMISSION_DENIED', reason, { progress: 'refused' });
}

/** For how long a call with a deadline has been here, in whole milliseconds. */
function waitedMs(call: IncomingCall): number {
  return Math.max(0, Math.round(call.grantedMs - call.remainingMs()));
}

/** The payload of a call that is about to wait: bytes are borrowed for one turn only, unless it has waited before. */
function keep(call: IncomingCall, bytes: Buffer, start: number, end: number): Buffer {
  const isOwn = call.counted;
  call.hold();
  return isOwn ? bytes.subarray(start, end) : Buffer.from(bytes.subarray(start, end));
}
