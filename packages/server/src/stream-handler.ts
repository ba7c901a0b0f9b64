import type { Call, MethodDefinition, RpcError, StreamService } from '@org/rpc-core';
import { isStreamKind, rpcError, runInContext } from '@org/rpc-core/internal';
import type { IncomingCall } from '@org/rpc-wire/internal';
import type { Handler } from './handler.js';

/** Runs the user's function of a streaming method; innermost, below the user's layers. */
export const runStreamHandler: StreamService = (call, items) => {
  const incoming = call.context as IncomingCall<Handler>;
  incoming.metadata = call.metadata ?? incoming.metadata;
  const { definition } = incoming.entry;
  const run = incoming.entry.stream!;
  const args = definition.kind === 'stream' ? call.args : [items, ...call.args];
  incoming.started = true;
  if (definition.kind !== 'upload') return run(...(args as never[])) as AsyncIterable<unknown>;
  return onlyItem(run, args);
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

/** What a server keeps of a method. Who takes it for another kind than it is gets an error that says so. */
export function createHandler(
  service: string,
  method: string,
  definition: MethodDefinition,
  run: (...args: never[]) => unknown,
): Handler {
  if (!isStreamKind(definition.kind)) return { service, method, definition, run, stream: undefined };
  const refuse = (): never => {
    throw kindError({ service, method, definition }, 'call it by its contract');
  };
  return { service, method, definition, run: refuse, stream: run };
}

/** The error for whoever calls a method as what it is not: what it is, and what is wrong or to be done. */
export function kindError(
  { service, method, definition: { kind } }: Pick<Handler, 'service' | 'method' | 'definition'>,
  text: string,
): RpcError {
  const article = kind === 'upload' ? 'an' : 'a';
  return rpcError('UNIMPLEMENTED', `${service}.${method} is ${article} ${kind} method: ${text}`, {
    progress: 'refused',
  });
}
