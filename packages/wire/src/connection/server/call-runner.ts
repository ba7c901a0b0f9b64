import type { RpcError } from '@org/rpc-core';
import { isPromise, rpcError } from '@org/rpc-core/internal';
import type { ServedStream } from '../streams/served-stream.js';
import type { IncomingCall, MethodEntry } from './incoming-call.js';
import type { RunningCalls } from './running-calls.js';
import type { ServerHost } from './server-host.js';

/** What a protocol does for the calls that came by it. */
export interface CallAnswers<Entry extends MethodEntry> {
  readonly isOpen: boolean;
  /** Reads the arguments. @throws RpcError when they are none */
  decodeArgs(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): readonly unknown[];
  /** What the arguments that were read last take in memory besides their bytes. */
  readonly extraBytes: number;
  /** The payload of a call whose arguments are compressed. @throws RpcError when it cannot be inflated */
  inflateArgs?(bytes: Buffer, start: number, end: number): Buffer | Promise<Buffer>;
  /** Writes a result, at once or later. @throws Error when it cannot be sent; nothing has been written then */
  writeResult(call: IncomingCall<Entry>, value: unknown): void | Promise<void>;
  /** Writes the error that the caller may see. */
  writeFailure(call: IncomingCall<Entry>, error: RpcError): void;
  /** Runs a call that streams, and says that no more items will come. Where there are none, nobody opens one. */
  serveStream?(call: IncomingCall<Entry>, stream: ServedStream): Promise<void>;
  /** A call has ended. */
  callEnded(call: IncomingCall<Entry>): void;
}

/**
 * Takes a call that was admitted to its end, the same way whatever protocol it came by: it is authorized by its canonical name
 * before its arguments are read, then it runs, then it is answered.
 */
export class CallRunner<Entry extends MethodEntry> {
  readonly #host: ServerHost<Entry>;
  readonly #running: RunningCalls<Entry>;
  readonly #answers: CallAnswers<Entry>;

  constructor(host: ServerHost<Entry>, running: RunningCalls<Entry>, answers: CallAnswers<Entry>) {
    this.#host = host;
    this.#running = running;
    this.#answers = answers;
  }

  /** Runs a call whose arguments are `bytes[start, end)`, which are borrowed until this returns. */
  run(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void {
    const { authorize } = this.#host;
    if (authorize === undefined) return this.#read(call, bytes, start, end);
    let verdict: void | Promise<void>;
    try {
      verdict = authorize(call);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (!isPromise(verdict)) return this.#read(call, bytes, start, end);
    this.#running.add(call);
    // The bytes are borrowed for this turn only.
    const payload = Buffer.from(bytes.subarray(start, end));
    verdict.then(
      () => this.#read(call, payload, 0, payload.length),
      (error: unknown) => this.#fail(call, error),
    );
  }

  /**
   * Nobody waits for this call any more: its handler is told why, and nothing of it is answered.
   * @returns the call; `undefined` when it has ended, or was given up before
   */
  giveUp(id: number, reason: RpcError): IncomingCall<Entry> | undefined {
    const call = this.#running.get(id);
    if (call === undefined || call.abandoned) return undefined;
    call.abandoned = true;
    call.abort(reason);
    return call;
  }

  /**
   * The connection is gone: handlers that look at their signal see it abort, and nobody is answered. One-way calls go on until
   * their deadline: their callers were told that they are done, and may well have left on that word.
   */
  abandonAll(reason: string): void {
    for (const call of this.#running.values()) abandon(call, reason);
  }

  /**
   * This side ends the connection, for a fault of the peer or because the server ends: nothing more may run for it, whether or
   * not anybody waits.
   */
  abandonOneWay(reason: string): void {
    for (const call of this.#running.oneWay()) abandon(call, reason);
  }

  #read(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void {
    if (call.isCompressed && !call.abandoned) this.#inflateAndServe(call, bytes, start, end);
    else this.#decodeAndServe(call, bytes, start, end);
  }

  #inflateAndServe(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void {
    let payload: Buffer | Promise<Buffer> | undefined;
    try {
      payload = this.#answers.inflateArgs?.(bytes, start, end) ?? bytes;
    } catch (error) {
      return this.#fail(call, error);
    }
    if (Buffer.isBuffer(payload)) return this.#decodeAndServe(call, payload, 0, payload.length);
    this.#running.add(call);
    payload.then(
      (inflated) => this.#decodeAndServe(call, inflated, 0, inflated.length),
      (error: unknown) => this.#fail(call, error),
    );
  }

  #decodeAndServe(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): void {
    if (call.abandoned) return this.#end(call, undefined);
    let result: unknown;
    try {
      const args = this.#answers.decodeArgs(call, bytes, start, end);
      const refusal = this.#running.charge(call, this.#answers.extraBytes);
      if (refusal !== undefined) return this.#fail(call, refusal);
      call.args = args;
      if (call.stream !== undefined) return this.#serveStream(call, call.stream);
      result = this.#host.serve(call);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (isPromise(result)) {
      this.#running.add(call);
      result.then(
        (value) => this.#succeed(call, value),
        (error: unknown) => this.#fail(call, error),
      );
    } else this.#succeed(call, result);
  }

  #serveStream(call: IncomingCall<Entry>, stream: ServedStream): void {
    this.#running.add(call);
    this.#answers.serveStream?.(call, stream).then(
      () => this.#end(call, undefined),
      (error: unknown) => this.#fail(call, error),
    );
  }

  #succeed(call: IncomingCall<Entry>, value: unknown): void {
    if (this.#isAnswerWanted(call)) {
      try {
        const writing = this.#answers.writeResult(call, value);
        if (writing !== undefined) return this.#endAfter(call, writing);
      } catch (error) {
        return this.#fail(call, error);
      }
    }
    this.#end(call, undefined);
  }

  /** Until its answer is on its way, a call counts as running: it holds memory, and whoever drains waits for it. */
  #endAfter(call: IncomingCall<Entry>, writing: Promise<void>): void {
    this.#running.add(call);
    writing.then(
      () => this.#end(call, undefined),
      (error: unknown) => this.#fail(call, error),
    );
  }

  #fail(call: IncomingCall<Entry>, thrown: unknown): void {
    // Also of one-way calls, so that the server's log has it. What an abandoned handler throws is the abort's doing.
    const error = call.abandoned ? undefined : this.#host.presentable(thrown, call);
    if (error !== undefined && this.#isAnswerWanted(call)) this.#answers.writeFailure(call, error);
    this.#end(call, thrown);
  }

  #isAnswerWanted(call: IncomingCall<Entry>): boolean {
    return !call.oneWay && !call.abandoned && this.#answers.isOpen;
  }

  /** A handler has ended, whether or not anybody waited for it. */
  #end(call: IncomingCall<Entry>, error: unknown): void {
    call.finish();
    this.#running.remove(call);
    this.#host.served(call, error);
    this.#answers.callEnded(call);
  }
}

function abandon(call: IncomingCall, reason: string): void {
  call.abandoned = true;
  call.abort(rpcError('CANCELLED', `the connection to the caller is gone: ${reason}`, { progress: 'processed' }));
}
