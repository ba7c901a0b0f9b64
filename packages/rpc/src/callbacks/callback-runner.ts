import {
  type CallContext,
  type Clock,
  type ContextKey,
  isRpcError,
  type MethodDefinition,
  RpcError,
  type ServiceDefinition,
} from '@org/rpc-core';
import { rpcError, runInContext, validateArgs } from '@org/rpc-core/internal';
import { CALLBACK_VERSION, type CallbackItem, payloadDecoder, payloadOf, readPayload } from './callback-items.js';

/** What a client serves over a stream of callbacks. */
export interface CallbackHandlers {
  readonly definition: ServiceDefinition<object>;
  /** By method. */
  readonly own: Readonly<Record<string, (...args: never[]) => unknown>>;
  /** The most that run at once. */
  readonly max: number;
  readonly clock: Clock;
  /** Told what a handler threw that its caller does not see. */
  readonly onError: (error: unknown) => void;
}

/** The client's end of a stream of callbacks: items of the server become calls of handlers, what these give becomes items. */
export class CallbackRunner {
  readonly #serve: CallbackHandlers;
  readonly #decode = payloadDecoder();
  readonly #answers: CallbackItem[] = [];
  readonly #running = new Map<number | symbol, AbortController>();
  #closedReason: string | undefined;
  /** Wakes the iterator of answers, and who waits for room. */
  #wake: (() => void) | undefined;
  #makeRoom: (() => void) | undefined;

  constructor(serve: CallbackHandlers) {
    this.#serve = serve;
  }

  /** What goes to the server: first how many calls are taken, then their answers. */
  async *answers(): AsyncGenerator<CallbackItem> {
    yield [CALLBACK_VERSION, this.#serve.max];
    for (;;) {
      const answer = this.#answers.shift();
      this.#makeRoom?.();
      if (answer !== undefined) yield answer;
      else if (this.#closedReason !== undefined) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  /** Takes what the server sends until it sends no more. A server is read no faster than its calls end and their answers leave. */
  async run(asks: AsyncIterator<CallbackItem>): Promise<void> {
    for (;;) {
      while (this.#isFull && this.#closedReason === undefined)
        await new Promise<void>((resolve) => {
          this.#makeRoom = resolve;
        });
      const { done, value } = await asks.next();
      if (done === true) return;
      try {
        this.#take(value);
      } catch (error) {
        void asks.return?.();
        throw error;
      }
    }
  }

  /** Handlers that run see their signal abort, and nothing is answered any more. */
  close(reason: string): void {
    if (this.#closedReason !== undefined) return;
    this.#closedReason = reason;
    for (const running of this.#running.values())
      running.abort(rpcError('CANCELLED', reason, { progress: 'processed' }));
    this.#answers.length = 0;
    this.#wake?.();
    this.#makeRoom?.();
  }

  get #isFull(): boolean {
    const { max } = this.#serve;
    return this.#running.size >= max || this.#answers.length >= max;
  }

  /** @throws RpcError when it makes no sense */
  #take(item: unknown): void {
    if (!Array.isArray(item)) throw malformed();
    // A sign of life.
    if (item.length === 0) return;
    const [id, method, payload, leftMs] = item as unknown[];
    if (typeof id !== 'number' || !(id >= 0)) throw malformed();
    if (item.length === 1)
      return this.#running.get(id)?.abort(rpcError('CANCELLED', 'the server has given up', { progress: 'processed' }));
    if (typeof method !== 'string' || typeof leftMs !== 'number' || this.#running.has(id)) throw malformed();
    void this.#serveOne(id, method, payload, leftMs);
  }

  async #serveOne(id: number, method: string, payload: unknown, leftMs: number): Promise<void> {
    const { definition, own, clock, onError } = this.#serve;
    const key = id === 0 ? Symbol('one-way') : id;
    const controller = new AbortController();
    this.#running.set(key, controller);
    const name = `${definition.name}.${method.slice(0, 100)}`;
    const delayMs = Math.min(Math.max(1, leftMs), 2 ** 31 - 1);
    const expire = (): void =>
      controller.abort(
        rpcError('DEADLINE_EXCEEDED', `${name}: the time of its caller is up`, { progress: 'processed' }),
      );
    const cancelTimer = clock.schedule(delayMs, expire, true);
    const context = new CallbackContext(definition.name, method, controller.signal, clock.now() + delayMs, clock);
    let hasRun = false;
    try {
      if (!Object.hasOwn(own, method)) throw refused('UNIMPLEMENTED', `this client serves no ${name}`);
      const args = readPayloadArgs(this.#decode, name, payload);
      const { args: schemas } = definition.methods[method] as MethodDefinition;
      const checked = schemas === undefined ? args : await validateArgs(schemas, args, name);
      hasRun = true;
      const result = await runInContext(context, own[method]!, ...(checked as never[]));
      this.#answer([id, 0, payloadOf(`the result of ${name}`, result)]);
    } catch (error) {
      // What came from a call of the handler's own is not its answer.
      const isAnswer = isRpcError(error) && (error.service === undefined || !hasRun);
      if (!isAnswer) onError(error);
      const { code, reason, details } = isAnswer ? error : new RpcError('INTERNAL', 'the handler failed');
      this.#answer([id, 1, code, reason, detailsOf(details), hasRun]);
    } finally {
      cancelTimer();
      this.#running.delete(key);
      this.#makeRoom?.();
    }
  }

  #answer(answer: CallbackItem): void {
    if (answer[0] === 0 || this.#closedReason !== undefined) return;
    this.#answers.push(answer);
    this.#wake?.();
  }
}

/** What a handler of a client can learn of the call. */
class CallbackContext implements CallContext {
  readonly metadata: CallContext['metadata'] = Object.freeze({});
  readonly responseMetadata: Record<string, string> = {};
  readonly peer: CallContext['peer'] = SERVER;
  readonly draining: AbortSignal = NEVER;
  readonly #clock: Clock;
  readonly #values = new Map<symbol, unknown>();

  constructor(
    readonly service: string,
    readonly method: string,
    readonly signal: AbortSignal,
    readonly deadline: number,
    clock: Clock,
  ) {
    this.#clock = clock;
  }

  remainingMs(): number {
    return Math.max(0, this.deadline - this.#clock.now());
  }

  get<T>(key: ContextKey<T>): T | undefined {
    return this.#values.get(key.symbol) as T | undefined;
  }

  set<T>(key: ContextKey<T>, value: T): void {
    this.#values.set(key.symbol, value);
  }
}

const SERVER: CallContext['peer'] = Object.freeze({ address: 'server' });
const NEVER: AbortSignal = new AbortController().signal;

function readPayloadArgs(
  decode: Parameters<typeof readPayload>[0],
  name: string,
  payload: unknown,
): readonly unknown[] {
  let args: unknown;
  try {
    args = readPayload(decode, payload);
  } catch (error) {
    throw refused('INVALID_ARGUMENT', `the arguments of ${name} cannot be read: ${(error as Error).message}`);
  }
  if (!Array.isArray(args)) throw refused('INVALID_ARGUMENT', `the arguments of ${name} are no list`);
  return args;
}

function detailsOf(details: unknown): Buffer | undefined {
  if (details === undefined) return undefined;
  try {
    return payloadOf('details', details);
  } catch {
    return undefined;
  }
}

function refused(code: RpcError['code'], reason: string): RpcError {
  return rpcError(code, reason, { progress: 'refused' });
}

function malformed(): RpcError {
  return rpcError('INTERNAL', 'what came over the stream of callbacks makes no sense', { progress: 'processed' });
}
