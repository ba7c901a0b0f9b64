import { type Call, isRpcError, type MethodDefinition, type RpcError, type Schema } from '@org/rpc-core';
import { isPromise, runInContext, validateArgs, validateResult } from '@org/rpc-core/internal';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';

/** A method that this server serves: what was defined, and the user's function. */
export interface Handler extends MethodEntry {
  readonly definition: MethodDefinition;
  /** The user's function, bound to its object. */
  readonly run: (...args: never[]) => unknown;
  /** The same of a method with streams, whose `run` refuses; `undefined` for all others. */
  readonly stream: ((...args: never[]) => unknown) | undefined;
}

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
  call.started = true;
  const result = run(...(args as never[]));
  const { returns } = definition;
  if (returns === undefined) return result;
  return isPromise(result)
    ? result.then((value) => checkResult(call, returns, value))
    : checkResult(call, returns, result);
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

/** Where it does not fit is for the server's log: no `RpcError` of the handler's own. */
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
