import { type Call, type Clock, isRpcError, type Layer, type Metadata, type RpcError } from '@org/rpc-core';
import { isPromise, rpcError, waitFor } from '@org/rpc-core/internal';
import { belongsTo, showCaller } from './name-call.js';

/** The metadata of every call of a client: a value, or a function that is called for each call. */
export type MetadataSource = Metadata | (() => Metadata | Promise<Metadata>);

/** Adds the client's metadata to a call. Keys that the call itself gives are kept. */
export function credentials(source: MetadataSource, clock: Clock): Layer {
  return (next) => (call) => {
    let given: Metadata | Promise<Metadata>;
    try {
      given = typeof source === 'function' ? source() : source;
    } catch (error) {
      return Promise.reject(sourceError(call, error));
    }
    if (!isPromise(given)) {
      call.metadata = { ...given, ...call.metadata };
      return next(call);
    }
    return arrived(call, given as Promise<Metadata>, clock).then(
      (metadata) => {
        call.metadata = { ...metadata, ...call.metadata };
        return next(call);
      },
      (error: RpcError) => {
        // An error that the function itself made shows where it came from.
        throw error.progress === 'processed' ? error : showCaller(error);
      },
    );
  };
}

/** Waits within the deadline of the call: a source that hangs must not hold it for ever. */
function arrived(call: Call, given: Promise<Metadata>, clock: Clock): Promise<Metadata> {
  const what = `the client's metadata function (${call.service}.${call.method})`;
  const waiting = waitFor<Metadata>(clock, call, what, undefined, 'metadata');
  given.then(waiting.done, (error: unknown) => waiting.fail(sourceError(call, error)));
  return waiting.promise;
}

function sourceError(call: Call, thrown: unknown): RpcError {
  return belongsTo(call, isRpcError(thrown) ? thrown : unauthenticated(thrown));
}

function unauthenticated(cause: unknown): RpcError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return rpcError('UNAUTHENTICATED', `the client's metadata function failed: ${text}`, { cause, progress: 'unsent' });
}
