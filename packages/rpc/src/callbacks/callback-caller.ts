import {
  type CallOptions,
  type Clock,
  type MethodDefinition,
  RpcError,
  type ServiceClient,
  type ServiceDefinition,
} from '@org/rpc-core';
import { assertKnownOptions, assertNumber, plainText, rpcError } from '@org/rpc-core/internal';
import {
  CALLBACK_VERSION,
  type CallbackItem,
  HEARTBEAT_MS,
  payloadDecoder,
  payloadOf,
  readPayload,
} from './callback-items.js';

/** The client that has opened itself, as a handler sees it. */
export interface Caller<D extends ServiceDefinition<object>> {
  /** The methods that the client serves. `with` takes `timeoutMs` and `signal`. */
  readonly calls: ServiceClient<D>;
  /** Aborts when no call can reach the client any more: it has left, or its connection is lost. */
  readonly closed: AbortSignal;
}

/** What bounds the calls to one client. */
export interface CallerBounds {
  /** The most calls whose answer is awaited; the client says how many it takes. */
  readonly max: number;
  /** The most calls that wait to be sent. */
  readonly queue: number;
  /** The time of a call whose method says none, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

interface Pending {
  readonly id: number;
  readonly name: string;
  readonly oneWay: boolean;
  readonly payload: Buffer;
  readonly deadline: number;
  isSent: boolean;
  settle(error: RpcError | undefined, value?: unknown): void;
}

const REASON_LENGTH_MAX = 4_096;

/** The server's end of a stream of callbacks: calls become items, and items of the client their answers. */
export class CallbackCaller<D extends ServiceDefinition<object>> implements Caller<D> {
  readonly calls: ServiceClient<D>;
  readonly #service: string;
  readonly #bounds: CallerBounds;
  readonly #closed = new AbortController();
  readonly #decode = payloadDecoder();
  readonly #queue: Pending[] = [];
  readonly #inFlight = new Map<number, Pending>();
  readonly #cancels: number[] = [];
  #lastId = 0;
  /** How many calls the client takes at once; 0 until it has said so. */
  #clientMax = 0;
  #isGreeted = false;
  /** No more calls are taken; with the error that the stream ends with. */
  #ending: { readonly error: unknown; readonly reason: string } | undefined;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(definition: D, bounds: CallerBounds) {
    this.#service = definition.name;
    this.#bounds = bounds;
    this.calls = this.#stub(definition, {}) as ServiceClient<D>;
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Takes no more calls: the stream ends when those that were made have been answered. */
  end(reason: string, error?: unknown): void {
    this.#ending ??= { error, reason };
    this.#wake?.();
  }

  /** The client has gone. */
  close(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ending ??= { error: undefined, reason };
    for (const pending of [...this.#queue.splice(0), ...this.#inFlight.values()])
      pending.settle(this.#lost(pending.isSent ? 'maybe-processed' : 'unsent', reason));
    this.#inFlight.clear();
    this.#closed.abort(new Error(reason));
    this.#wake?.();
  }

  /** What the client sends. Resolves when it sends no more. */
  async listen(answers: AsyncIterable<CallbackItem>): Promise<void> {
    try {
      for await (const item of answers) this.#heard(item);
      this.close('the client has closed its side');
    } catch (error) {
      this.close(`the client has gone: ${(error as Error).message}`);
    }
  }

  /** What goes to the client. */
  async *asks(): AsyncGenerator<CallbackItem> {
    const { clock } = this.#bounds;
    try {
      for (;;) {
        const item = this.#next();
        if (item !== undefined) yield item;
        else if (this.#isOver || (this.#ending !== undefined && this.#inFlight.size + this.#queue.length === 0)) break;
        else {
          const woken = await new Promise<boolean>((resolve) => {
            const cancel = clock.schedule(HEARTBEAT_MS, () => resolve(false), true);
            this.#wake = () => {
              cancel();
              resolve(true);
            };
          });
          this.#wake = undefined;
          if (!woken) yield [];
        }
      }
    } finally {
      this.close('the stream has ended');
    }
    if (this.#ending?.error !== undefined) throw this.#ending.error;
  }

  #stub(definition: D, options: CallOptions): object {
    const stub: Record<string, unknown> = {};
    for (const [method, each] of Object.entries(definition.methods))
      stub[method] = (...args: unknown[]): Promise<unknown> => this.#call(method, each, args, options);
    const more = (given: CallOptions): object => {
      assertKnownOptions('with', given, ['timeoutMs', 'signal']);
      if (given.timeoutMs !== undefined)
        assertNumber('with', 'timeoutMs', given.timeoutMs, { min: 1, max: 2 ** 31 - 1 });
      return this.#stub(definition, { ...options, ...given });
    };
    return Object.defineProperty(stub, 'with', { value: more });
  }

  async #call(method: string, definition: MethodDefinition, args: unknown[], options: CallOptions): Promise<unknown> {
    const { clock, queue } = this.#bounds;
    const { signal, timeoutMs = definition.timeoutMs ?? this.#bounds.timeoutMs } = options;
    const name = `${this.#service}.${method}`;
    if (this.#ending !== undefined) throw this.#lost('unsent', this.#ending.reason);
    if (this.#queue.length >= queue)
      throw rpcError('RESOURCE_EXHAUSTED', `${name}: ${queue} calls wait for this client (queue)`, {
        progress: 'unsent',
      });
    if (signal?.aborted === true) throw cancelled(name, signal, 'unsent');
    const payload = payloadOf(`the arguments of ${name}`, args);
    const oneWay = definition.kind === 'notify';
    const id = oneWay ? 0 : this.#newId();
    return new Promise((resolve, reject) => {
      const expire = (): void => {
        const reason = `${name} took longer than ${timeoutMs} ms`;
        // The client has the deadline too.
        this.#giveUp(pending, rpcError('DEADLINE_EXCEEDED', reason, { progress: progressOf(pending) }), false);
      };
      const onAbort = (): void => this.#giveUp(pending, cancelled(name, signal!, progressOf(pending)));
      const cancelTimer = clock.schedule(timeoutMs, expire);
      signal?.addEventListener('abort', onAbort, { once: true });
      const settle = (error: RpcError | undefined, value?: unknown): void => {
        cancelTimer();
        signal?.removeEventListener('abort', onAbort);
        if (error === undefined) resolve(value);
        else reject(error);
      };
      const pending: Pending = { id, name, oneWay, payload, deadline: clock.now() + timeoutMs, isSent: false, settle };
      this.#queue.push(pending);
      this.#wake?.();
    });
  }

  #newId(): number {
    do this.#lastId = (this.#lastId % 0x7fff_ffff) + 1;
    while (this.#inFlight.has(this.#lastId));
    return this.#lastId;
  }

  #giveUp(pending: Pending, error: RpcError, isTold = true): void {
    const index = this.#queue.indexOf(pending);
    if (index >= 0) this.#queue.splice(index, 1);
    else if (!this.#inFlight.delete(pending.id)) return;
    else if (isTold) this.#cancels.push(pending.id);
    pending.settle(error);
    this.#wake?.();
  }

  /** The next item; `undefined` when there is none, or the client takes none now. */
  #next(): CallbackItem | undefined {
    if (!this.#isGreeted) return undefined;
    const cancel = this.#cancels.shift();
    if (cancel !== undefined) return [cancel];
    const pending = this.#queue[0];
    if (pending === undefined) return undefined;
    if (!pending.oneWay && this.#inFlight.size >= Math.min(this.#bounds.max, this.#clientMax)) return undefined;
    this.#queue.shift();
    pending.isSent = true;
    const { id, name, payload, deadline } = pending;
    const leftMs = Math.max(1, Math.ceil(deadline - this.#bounds.clock.now()));
    if (pending.oneWay) pending.settle(undefined);
    else this.#inFlight.set(id, pending);
    return [id, name.slice(this.#service.length + 1), payload, leftMs];
  }

  /** @throws RpcError when it makes no sense: nothing of this client can be believed then */
  #heard(item: unknown): void {
    if (!Array.isArray(item)) throw malformed();
    if (!this.#isGreeted) {
      const [version, max] = item as unknown[];
      if (version !== CALLBACK_VERSION || typeof max !== 'number' || !(max >= 1)) throw malformed();
      this.#isGreeted = true;
      this.#clientMax = max;
      return this.#wake?.();
    }
    const [id, kind, ...rest] = item as unknown[];
    const pending = typeof id === 'number' ? this.#inFlight.get(id) : undefined;
    // Its answer has crossed the cancel, or there was no such call.
    if (pending === undefined) return;
    this.#inFlight.delete(pending.id);
    this.#wake?.();
    try {
      if (kind === 0) pending.settle(undefined, readPayload(this.#decode, rest[0]));
      else pending.settle(this.#errorOf(pending, rest));
    } catch (error) {
      const reason = `the answer of ${pending.name} cannot be read: ${(error as Error).message}`;
      pending.settle(rpcError('INTERNAL', reason, { progress: 'processed' }));
    }
  }

  #errorOf({ name }: Pending, [code, reason, details, ran]: unknown[]): RpcError {
    const text = plainText(typeof reason === 'string' ? reason.slice(0, REASON_LENGTH_MAX) : 'no reason');
    const more = details === undefined || details === null ? undefined : readPayload(this.#decode, details);
    const error = new RpcError(code as never, text, { details: more });
    error.progress = ran === false ? 'refused' : 'processed';
    error.service = this.#service;
    error.method = name.slice(this.#service.length + 1);
    return error;
  }

  #lost(progress: 'unsent' | 'maybe-processed', reason: string): RpcError {
    return rpcError('UNAVAILABLE', `the client cannot be called: ${reason}`, { progress });
  }
}

function progressOf({ isSent }: Pending): 'unsent' | 'maybe-processed' {
  return isSent ? 'maybe-processed' : 'unsent';
}

function cancelled(name: string, signal: AbortSignal, progress: 'unsent' | 'maybe-processed'): RpcError {
  return rpcError('CANCELLED', `${name} was cancelled`, { cause: signal.reason, progress });
}

function malformed(): RpcError {
  return rpcError('INVALID_ARGUMENT', 'what came over the stream of callbacks makes no sense', {
    progress: 'processed',
  });
}
