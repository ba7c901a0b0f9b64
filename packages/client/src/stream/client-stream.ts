import {
  type Call,
  type CallStream,
  type Clock,
  type ItemSender,
  isRpcError,
  type RpcError,
  type Service,
} from '@org/rpc-core';
import { cancelledError, type LinkedSignal, linkSignals, rpcError, surface } from '@org/rpc-core/internal';
import { ItemQueue, iteratorOf, pump } from '@org/rpc-wire/internal';
import { belongsTo } from '../policy/name-call.js';
import { again } from '../policy/user-layers.js';

/** The bounds of a stream. */
export interface StreamBounds {
  readonly clock: Clock;
  /** The longest time that the caller waits for an item while none goes out either, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Runs when the stream is over. */
  readonly onOver: () => void;
  /**
   * Links the signals of the caller and of the call being served again, for a stream that begins after another one of the same call; left
   * out: the call's own signal is used.
   */
  readonly relink?: (() => LinkedSignal) | undefined;
  /** Runs when the server begins to drain, with the reason. */
  readonly onDraining?: ((reason: string) => void) | undefined;
}

/**
 * The client's end of a streaming call: the received items that wait to be taken, and the pump that sends. The call itself goes
 * through the same gates as any other, as a promise that settles when the stream is over.
 */
export class ClientStream implements CallStream, AsyncIterableIterator<unknown> {
  readonly received = new ItemQueue();
  readonly #bounds: StreamBounds;
  readonly #stopper = new AbortController();
  #linked: LinkedSignal | undefined;
  #serve: (() => Promise<unknown>) | undefined;
  #source: AsyncIterable<unknown> | undefined;
  #call: Call | undefined;
  /** The signal of the call before this stream was linked to it. */
  #signal: AbortSignal | undefined;
  #attempt: Call | undefined;
  #pumping: ReturnType<typeof pump> | undefined;
  /** The error that the caller gets instead of the one that ended the call: its own source failed, or the stream was idle. */
  #reason: { readonly error: unknown } | undefined;
  #isOver = false;
  #touchedAt = 0;
  #cancelIdle: (() => void) | undefined;

  constructor(bounds: StreamBounds) {
    this.#bounds = bounds;
    this.received.onBroken = (error) => this.#broken(error);
  }

  /** Whether an item of the caller has been taken: then the call cannot start again. */
  get hasPulled(): boolean {
    return this.#pumping !== undefined;
  }

  /**
   * Sets what runs when the first item is asked for. A layer may open several streams for one call, one after the other or at the same time:
   * each one after the first is a new stream with its own call.
   */
  prepare(serve: Service, call: Call, source: AsyncIterable<unknown> | undefined): ClientStream {
    if (this.#call !== undefined) return this.#again(serve, call, source);
    this.#source = source;
    this.#call = call;
    this.#signal = call.signal;
    this.#serve = () => {
      const { signal } = this.#stopper;
      this.#linked = call.signal === undefined ? undefined : linkSignals(call.signal, signal);
      call.signal = this.#linked?.signal ?? signal;
      return serve(call);
    };
    return this;
  }

  #again(serve: Service, call: Call, source: AsyncIterable<unknown> | undefined): ClientStream {
    const linked = this.#bounds.relink?.();
    const stream = new ClientStream({ ...this.#bounds, onOver: () => linked?.unlink() });
    const own = again(call);
    own.signal = linked?.signal ?? this.#signal;
    own.stream = stream;
    return stream.prepare(serve, own, source);
  }

  /** Takes the next item if that needs no waiting, and nothing has happened that matters first; else `next` does. */
  takeNow(): IteratorResult<unknown> | Promise<IteratorResult<unknown>> | undefined {
    return this.#serve !== undefined || this.#signal?.aborted === true ? undefined : this.received.takeNow();
  }

  next(): Promise<IteratorResult<unknown>> {
    this.#touchedAt = this.#bounds.clock.now();
    const serve = this.#serve;
    if (serve !== undefined) {
      this.#serve = undefined;
      this.#watchIdle(this.#bounds.idleTimeoutMs);
      serve().then(
        () => this.#over(undefined),
        (error: unknown) => this.#over({ error }),
      );
    } else if (this.#signal?.aborted === true) this.#dropWaiting();
    return this.received.next();
  }

  /** The caller has given up. The error of the call, which says how far the call got, comes in this turn at the latest. */
  #dropWaiting(): void {
    const call = this.#call;
    if (!this.#isOver || call === undefined) return this.received.discard();
    call.signal = this.#signal;
    this.received.cut(cancelledError(call));
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#serve = undefined;
    this.#stopper.abort(new Error('the reader of the stream has stopped'));
    return this.received.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  // CallStream

  opened(attempt: Call, sender: ItemSender): void {
    this.#attempt = attempt;
    if (this.#source === undefined) return;
    const source = this.#source;
    const onSent = (): void => {
      this.#touchedAt = this.#bounds.clock.now();
    };
    this.#pumping = pump(iteratorOf(source, 'the first argument'), sender, { onSent });
    this.#pumping.done.then(
      (end) => {
        if (end === 'ended') sender.end();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  draining(reason: string): void {
    try {
      this.#bounds.onDraining?.(reason);
    } catch (error) {
      surface(error);
    }
  }

  #over(outcome: { readonly error: unknown } | undefined): void {
    this.#isOver = true;
    this.#cancelIdle?.();
    this.#linked?.unlink();
    this.#bounds.onOver();
    this.#pumping?.stop();
    if (outcome === undefined) this.received.end();
    else if (this.#signal?.aborted === true) this.received.cut((this.#reason ?? outcome).error);
    else this.received.fail((this.#reason ?? outcome).error);
  }

  /** An item cannot be read: the server need not send more. */
  #broken(error: unknown): void {
    const call = this.#call;
    this.#fail(isRpcError(error) && call !== undefined ? belongsTo(call, error) : error);
  }

  #fail(error: unknown): void {
    this.#reason ??= { error };
    this.#stopper.abort(error);
  }

  #watchIdle(delayMs: number): void {
    const { clock, idleTimeoutMs } = this.#bounds;
    this.#cancelIdle = clock.schedule(
      delayMs,
      () => {
        const leftMs = this.#touchedAt + idleTimeoutMs - clock.now();
        // A slow reader is not waiting, so the stream is not idle.
        if (leftMs > 0 || !this.received.isAwaited) this.#watchIdle(leftMs > 0 ? leftMs : idleTimeoutMs);
        else this.#idle();
      },
      false,
    );
  }

  #idle(): void {
    const attempt = this.#attempt;
    const holder = attempt?.holder;
    const error: RpcError = rpcError(
      'DEADLINE_EXCEEDED',
      `no item within ${this.#bounds.idleTimeoutMs} ms (idleTimeoutMs)`,
      {
        service: attempt?.service,
        method: attempt?.method,
        endpoint: attempt?.destination?.address,
        progress: holder === undefined ? 'unsent' : 'maybe-processed',
      },
    );
    if (this.#call !== undefined) belongsTo(this.#call, error);
    this.#reason ??= { error };
    // If a connection holds the attempt, the failure counts against the node; before that, only this client was waiting.
    if (attempt !== undefined && holder !== undefined) holder.abandon(attempt, error);
    else this.#stopper.abort(error);
  }
}
