import { Call, type CallOptions, callContext, isRpcError, type MethodDefinition, type RpcError } from '@org/rpc-core';
import { isPromise, type LinkedSignal, linkSignals, rpcError } from '@org/rpc-core/internal';
import { iteratorOf } from '@org/rpc-wire/internal';
import type { ClientMethod } from '../client-method.js';
import { belongsTo, showCaller } from '../policy/name-call.js';
import { ClientStream } from '../stream/client-stream.js';
import type { ResolvedClientOptions } from './options.js';
import { applyOptions, failExplained, inherit } from './start-call.js';

/** How long a stream may be silent unless told otherwise, in milliseconds. */
const IDLE_TIMEOUT_MS = 60_000;

/**
 * Makes a streaming call from the user's arguments and options. It returns an iterator that has done nothing yet: the call
 * starts when the first item is asked for. An upload returns a promise and starts at once.
 */
export function startStream(
  client: ResolvedClientOptions,
  called: ClientMethod,
  args: unknown[],
  options: CallOptions | undefined,
): unknown {
  const { kind } = called.definition;
  const source = kind === 'stream' ? undefined : (args.shift() as AsyncIterable<unknown>);
  const where = `${called.service}.${called.method}: the first argument`;
  if (kind === 'stream')
    return new LazyStream(`${called.service}.${called.method}`, () => open(client, called, args, options, undefined));
  if (kind === 'duplex') {
    assertIterable(source, where);
    return new LazyStream(`${called.service}.${called.method}`, () => open(client, called, args, options, source));
  }
  try {
    assertIterable(source, where);
  } catch (error) {
    return Promise.reject(error);
  }
  return onlyItem(open(client, called, args, options, source), called);
}

/** Whether calls of a method give an iterator, and all others a promise. */
export function givesIterator({ kind }: MethodDefinition): boolean {
  return kind === 'stream' || kind === 'duplex';
}

/** A stream that cannot begin: like every failure of a stream, its error comes when the first item is asked for. */
export function failedStream(error: RpcError): AsyncIterableIterator<unknown> {
  return new LazyStream(`${error.service}.${error.method}`, () => {
    throw error;
  });
}

/** Checks that the first argument can be iterated, without starting to iterate. */
function assertIterable(source: unknown, where: string): void {
  const iterable = source as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  if (typeof source === 'object' && source !== null && (Symbol.asyncIterator in source || Symbol.iterator in source))
    return;
  iteratorOf(iterable, where);
}

function open(
  client: ResolvedClientOptions,
  called: ClientMethod,
  args: unknown[],
  options: CallOptions | undefined,
  source: AsyncIterable<unknown> | undefined,
): AsyncIterator<unknown> {
  const { clock } = client;
  while (args.length > 0 && args[args.length - 1] === undefined) args.pop();
  const call = new Call(called, args, false);
  const { timeout, rule } = called.policy.now;
  call.createdAt = clock.now();
  call.idempotent = called.idempotent;
  call.priority = called.priority;
  call.deadline = call.createdAt + (options?.timeoutMs ?? timeout.timeoutMs);
  if (options !== undefined) {
    applyOptions(call, options);
    if (options.timeoutMs !== undefined) rule?.hasOwnTimeout(call);
  }
  const context = callContext();
  const linked = context === undefined ? undefined : inherit(call, context, client);
  call.stream = new ClientStream({
    clock,
    idleTimeoutMs: options?.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
    onOver: () => linked?.unlink(),
    relink: context === undefined ? undefined : () => linkedAgain(options?.signal, context.signal),
    onDraining: options?.onDraining,
  });
  const { observer } = called;
  if (!observer.isOn) return explained(call, called.stream!(call, source)[Symbol.asyncIterator]());
  observer.begin(call, called.definition.kind);
  const items = called.stream!(call, observer.sends(call, source))[Symbol.asyncIterator]();
  return observer.reads(call, explained(call, items));
}

/** The same items, with an error that says what its attempts found if the caller wants to know. */
function explained(call: Call, items: AsyncIterator<unknown>): AsyncIterator<unknown> {
  if (call.explanations === undefined) return items;
  return {
    next: () => items.next().catch((error) => failExplained(call, error)),
    return: async () => (await items.return?.()) ?? DONE,
  };
}

function linkedAgain(own: AbortSignal | undefined, served: AbortSignal): LinkedSignal {
  return own === undefined ? { signal: served, unlink: () => {} } : linkSignals(own, served);
}

/** An iterator that is made when the first item is asked for. */
class LazyStream implements AsyncIterableIterator<unknown> {
  #open: (() => AsyncIterator<unknown>) | undefined;
  #iterator: AsyncIterator<unknown> | undefined;
  /** The iterator, if it is the stream itself and nothing stands between. */
  #stream: ClientStream | undefined;
  #isOver = false;
  readonly #name: string;

  constructor(name: string, open: () => AsyncIterator<unknown>) {
    this.#name = name;
    this.#open = open;
  }

  next(): Promise<IteratorResult<unknown>> {
    // Of many items that came together only the first one was waited for: the others need one promise each.
    const now = this.#stream?.takeNow();
    return now === undefined || isPromise(now) ? this.#next(now) : Promise.resolve(now);
  }

  async #next(taken: Promise<IteratorResult<unknown>> | undefined): Promise<IteratorResult<unknown>> {
    if (this.#isOver) return DONE;
    const open = this.#open;
    this.#open = undefined;
    try {
      if (open !== undefined) this.#start(open());
      const step = (await (taken ?? this.#iterator?.next())) ?? DONE;
      if (step.done === true) this.#isOver = true;
      return step;
    } catch (error) {
      throw shown(error);
    }
  }

  #start(iterator: AsyncIterator<unknown>): void {
    this.#iterator = iterator;
    if (iterator instanceof ClientStream) this.#stream = iterator;
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.#open = undefined;
    this.#isOver = true;
    await this.#iterator?.return?.();
    return DONE;
  }

  async throw(error: unknown): Promise<never> {
    await this.return();
    throw error;
  }

  /** @throws TypeError once the stream is over: a second iteration would see a stream without items */
  [Symbol.asyncIterator](): this {
    if (this.#isOver)
      throw new TypeError(`${this.#name}: this stream has been read to its end; call the method again for another one`);
    return this;
  }
}

/** The result of an upload: the only item that comes back. */
async function onlyItem(items: AsyncIterator<unknown>, { service, method }: ClientMethod): Promise<unknown> {
  let first: IteratorResult<unknown>;
  try {
    first = await items.next();
    if (first.done !== true && (await items.next()).done === true) return first.value;
  } catch (error) {
    throw shown(error);
  }
  await items.return?.();
  const reason = `an upload has one result, ${first.done === true ? 'none' : 'more than one'} came`;
  throw belongsTo({ service, method }, rpcError('INTERNAL', reason, { progress: 'processed' }));
}

/** The error that ended the stream was made elsewhere: adds the stack of the caller that waits here. */
function shown(error: unknown): unknown {
  return isRpcError(error) && error.service !== undefined ? showCaller(error) : error;
}

const DONE: IteratorResult<unknown> = Object.freeze({ done: true, value: undefined });
