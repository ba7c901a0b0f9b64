import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Call,
  isRpcError,
  type MethodDefinition,
  type MethodKind,
  type RpcError,
  type Schema,
  type StreamService,
} from '@org/rpc-core';
import { isPromise, isStreamKind, rpcError, runInContext, validateArgs, validateResult } from '@org/rpc-core/internal';
import { type IncomingCall, iteratorOf, type MethodEntry } from '@org/rpc-wire/internal';
import { type Admission, expired } from './stack.js';

/** A method that this server serves: what was defined, and the user's function. */
export interface Handler extends MethodEntry {
  readonly definition: MethodDefinition;
  /** The user's function, bound to its object. */
  readonly run: (...args: never[]) => unknown;
  /** The same of a method with streams, whose `run` refuses; `undefined` for all others. */
  readonly stream: ((...args: never[]) => unknown) | undefined;
  /** Arguments that the function declares, its items not counted; 0 once a call with fewer was told of, and where schemas look at them. */
  argumentsLeast: number;
  /** What its calls have to pass besides what holds for all of the server. */
  limits: readonly Admission[] | undefined;
  /** Told of a call with fewer. */
  readonly lacking: LackingArguments;
}

/** Is told of the first call of a method that has fewer arguments than its handler declares. */
export type LackingArguments = (call: IncomingCall<Handler>, declared: number) => void;

/** Runs the user's function for a call, in the call's context: parses arguments and result where there are schemas. */
export function runHandler(call: IncomingCall<Handler>): unknown {
  return runInContext(call, enter, call);
}

function enter(call: IncomingCall<Handler>): unknown {
  const { definition, stream, run } = call.entry;
  // Of another kind: `run` says so, and no handler has run.
  if (stream !== undefined) return run();
  if (definition.args === undefined) return runWith(call, call.args);
  // Until the arguments are known to be right, the handler has not run.
  const parsed = validateArgs(definition.args, call.args, `${call.service}.${call.method}`);
  return isPromise(parsed) ? parsed.then((args) => runWith(call, args)) : runWith(call, parsed);
}

function runWith(call: IncomingCall<Handler>, args: readonly unknown[]): unknown {
  const { definition, run } = call.entry;
  // Checked again after all waits: a call for which nobody waits any more does not begin.
  if (call.isLate) throw expired(call);
  if (args.length < call.entry.argumentsLeast) tellLacking(call);
  call.started = true;
  const result = run(...(args as never[]));
  const { returns } = definition;
  if (returns === undefined) return result;
  return isPromise(result)
    ? result.then((value) => checkResult(call, returns, value))
    : checkResult(call, returns, result);
}

function tellLacking(call: IncomingCall<Handler>): void {
  const { entry } = call;
  const declared = entry.argumentsLeast;
  entry.argumentsLeast = 0;
  entry.lacking(call, declared);
}

function checkResult(call: IncomingCall<Handler>, returns: Schema, result: unknown): unknown {
  const where = `${call.service}.${call.method}`;
  let checked: unknown;
  try {
    checked = validateResult(returns, result, where);
  } catch (error) {
    throw unfitResult(error);
  }
  return isPromise(checked)
    ? checked.then(undefined, (error: unknown) => {
        throw unfitResult(error);
      })
    : checked;
}

/** The caller must not see where the result does not fit, so this is no `RpcError`: it goes to the server's log. */
function unfitResult(error: unknown): unknown {
  return isRpcError(error) ? (error.cause ?? error) : error;
}

/** What a user's layer gets when the call goes on to the handler. */
export function runLayered(call: Call): Promise<unknown> {
  const incoming = call.context as IncomingCall<Handler>;
  incoming.args = call.args;
  incoming.metadata = call.metadata ?? incoming.metadata;
  try {
    return Promise.resolve(enter(incoming));
  } catch (error) {
    return Promise.reject(error as RpcError);
  }
}

/** Runs the user's function of a streaming method; innermost, below the user's layers. */
export const runStreamHandler: StreamService = (call, items) => {
  const incoming = call.context as IncomingCall<Handler>;
  incoming.metadata = call.metadata ?? incoming.metadata;
  const { definition } = incoming.entry;
  const run = incoming.entry.stream!;
  const args = definition.kind === 'stream' ? call.args : [items, ...call.args];
  if (incoming.isExpired) throw expired(incoming);
  if (call.args.length < incoming.entry.argumentsLeast) tellLacking(incoming);
  incoming.started = true;
  // A generator begins to run when its first item is pulled, in the async context of the layers.
  incoming.inContext = AsyncLocalStorage.snapshot();
  if (definition.kind !== 'upload') return run(...(args as never[])) as AsyncIterable<unknown>;
  return onlyItem(run, args);
};

/**
 * The same below a user's layers. A layer that is a generator itself has set its surroundings up around `next` alone, so each step
 * of the handler is run where the handler was entered, whoever takes it.
 */
export const runLayeredStream: StreamService = (call, items) => {
  const inside = AsyncLocalStorage.snapshot();
  const iterable = runStreamHandler(call, items);
  return {
    [Symbol.asyncIterator]() {
      const iterator = iteratorOf(iterable, `what ${call.service}.${call.method} gives`);
      return {
        next: async () => inside(() => iterator.next()),
        return: async () => inside(() => iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
};

/** The result of an upload travels as the one item that comes back. */
async function* onlyItem(run: Handler['run'], args: readonly unknown[]): AsyncIterable<unknown> {
  yield await run(...(args as never[]));
}

/** Runs a streaming call through its stack. @throws RpcError when caller and contract disagree on what the method is */
export function dispatchStream(
  call: IncomingCall<Handler>,
  items: AsyncIterable<unknown>,
  copy: Call,
  serve: StreamService,
): AsyncIterable<unknown> {
  const { definition, stream } = call.entry;
  const { kind } = definition;
  if (stream === undefined) throw kindError(call.entry, 'it was called as a stream');
  return runInContext(call, serve, copy, kind === 'stream' ? undefined : items);
}

/** Makes the handler of a method. A caller that takes it for another kind gets an error that says so. */
export function createHandler(
  service: string,
  method: string,
  definition: MethodDefinition,
  run: (...args: never[]) => unknown,
  lacking: LackingArguments = () => {},
  isBuiltIn = false,
): Handler {
  const argumentsLeast = definition.args === undefined ? declaredArguments(definition.kind, run) : 0;
  const takesItems = definition.kind === 'upload' || definition.kind === 'duplex';
  const shared = { service, method, definition, takesItems, argumentsLeast, lacking, limits: undefined, isBuiltIn };
  if (!isStreamKind(definition.kind)) return { ...shared, run, stream: undefined };
  const refuse = (): never => {
    throw kindError({ service, method, definition }, 'call it by its contract');
  };
  return { ...shared, run: refuse, stream: run };
}

/** How many arguments a handler declares, up to the first that has a default; the items of a method do not count. */
function declaredArguments(kind: MethodKind, run: (...args: never[]) => unknown): number {
  const items = kind === 'upload' || kind === 'duplex' ? 1 : 0;
  return Math.min(Math.max(0, run.length - items), DECLARED_MAX);
}

/** What a summary of contracts can say. */
const DECLARED_MAX = 999;

/** The error for a call of the wrong kind: it says which kind the method is, and what to do. */
export function kindError(
  { service, method, definition: { kind } }: Pick<Handler, 'service' | 'method' | 'definition'>,
  text: string,
): RpcError {
  const article = kind === 'upload' ? 'an' : 'a';
  return rpcError('UNIMPLEMENTED', `${service}.${method} is ${article} ${kind} method: ${text}`, {
    progress: 'refused',
  });
}
